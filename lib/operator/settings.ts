import type { Context } from './context';
import { cdkContext } from './deployment';
import { UsageError } from './errors';

/** What a deploy would read: cdk.json, and what the options or make's environment say. */
export function settingsOf({ options, world: { env, root } }: Context): Record<string, unknown> {
  const given = (options as { context?: string[] }).context ?? [];
  const pairs = given.map((text) => {
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
    if (key === undefined) throw new UsageError([`a setting must be like key=value, got '${text}'`]);
    return [key, value] as const;
  });
  const [az, stack] = [options.az ?? env.AZ, options.stack ?? env.STACK];
  return {
    ...cdkContext(root),
    ...(az && { az }),
    ...(stack && { stack }),
    ...Object.fromEntries(pairs),
  };
}
