import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { run } from '../../../../lib/operator/program';
import type { World } from '../../../../lib/operator/world';
import { ROOT } from './local-servers';

export interface Result {
  readonly status: number;
  readonly out: string;
  /** Lines on standard error. */
  readonly said: string[];
}

/** Nobody at a terminal, with this environment; what is written goes nowhere. */
export const worldOf = (env: NodeJS.ProcessEnv): World => ({
  env,
  root: ROOT,
  profileRegion: () => Promise.resolve(undefined),
  now: () => new Date(),
  sleep: () => setImmediate(),
  out: () => undefined,
  say: () => undefined,
  input: Readable.from([]),
  terminal: false,
  onInterrupt: () => () => undefined,
  isFree: () => Promise.resolve(true),
  browse: () => undefined,
});

/**
 * Runs openclaw-spot in this process, with the real SDK, under an environment of its own.
 * @param world - what is not as it is for somebody without a terminal
 */
export async function tool(
  env: NodeJS.ProcessEnv,
  args: readonly string[],
  world: Partial<World> = {},
): Promise<Result> {
  const said: string[] = [];
  let out = '';
  const before = process.env;
  process.env = env;
  try {
    const status = await run(args, {
      ...worldOf(env),
      out: (text) => (out += text),
      say: (line) => said.push(...line.split('\n')),
      ...world,
    });
    return { status, out, said };
  } finally {
    process.env = before;
  }
}
