import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { EXIT } from './errors';
import type { World } from './world';

/**
 * Runs the project's own CDK; its words are for people.
 * @param more - of its environment
 * @returns its exit status
 */
export async function cdk(
  { env, root }: World,
  words: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<number> {
  const program = join(root, 'node_modules', '.bin', 'cdk');
  const child = spawn(program, [...words], { env: { ...env, ...more }, cwd: root, stdio: ['inherit', 2, 2] });
  return new Promise((resolve, reject) => {
    child.on('close', (code) => {
      resolve(code ?? EXIT.failed);
    });
    child.on('error', reject);
  });
}
