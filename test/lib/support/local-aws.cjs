const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { join } = require('node:path');

const PYTHON = join(__dirname, '..', '..', '..', '.venv', 'bin', 'python');
let started;

/** @returns the address of the local AWS (moto): one for all test files of a worker, started when the first asks for it */
exports.localAws = () => (started ??= start());

async function start() {
  const child = spawn(PYTHON, [join(__dirname, 'local_aws.py')], { stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the local AWS did not start: exit code ${code}`);
  });
  const [port] = await Promise.race([once(child.stdout, 'data'), ended]);
  ended.catch(() => undefined);
  // It ends where its input ends; no worker waits for it.
  for (const handle of [child, child.stdin, child.stdout]) handle.unref();
  return `http://127.0.0.1:${port.toString().trim()}`;
}
