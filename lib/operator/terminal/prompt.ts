import { Writable } from 'node:stream';
import { EXIT, Failure } from '../errors';
import type { World } from '../world';

/**
 * Asks the person at the terminal one thing, on standard error: standard output is for data.
 * @param hidden - whether what is typed is shown nowhere
 * @throws Failure where the person gives no answer (Control-C, Control-D)
 */
export async function prompt({ input, say }: World, question: string, hidden = false): Promise<string> {
  const { createInterface } = await import('node:readline/promises');
  const nowhere = new Writable({
    write: (_chunk, _encoding, done) => {
      done();
    },
  });
  const lines = createInterface({ input, output: hidden ? nowhere : process.stderr, terminal: true });
  say(question);
  try {
    return await new Promise((resolve, reject) => {
      lines.question('').then(resolve, reject);
      lines.once('close', () => {
        reject(new Failure(['no answer was given: nothing was changed'], EXIT.interrupted));
      });
    });
  } finally {
    lines.close();
  }
}
