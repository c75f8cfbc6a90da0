import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { environment, ROOT } from './support/local-servers';

jest.setTimeout(60_000);

/** As a person starts it: from another directory, with nothing but Node.js in the environment. */
const start = (...args: string[]) =>
  spawnSync(process.execPath, [join(ROOT, 'bin', 'openclaw-spot'), ...args], {
    cwd: '/',
    env: environment('http://127.0.0.1:1'),
    encoding: 'utf8',
  });

test('starts with node alone, and gives data, lines and exit status to whoever called it', () => {
  const { status, stdout, stderr } = start('status', '--region', 'me-central-1');
  expect([status, stdout, stderr]).toEqual([
    1,
    '',
    'error: cannot reach AWS in me-central-1: connect ECONNREFUSED 127.0.0.1:1; check the network, a proxy or firewall, and AWS_ENDPOINT_URL\n',
  ]);
});

test('loads no client of AWS for its help', () => {
  const { status, stdout } = spawnSync(
    process.execPath,
    [
      '--eval',
      `process.argv.splice(1, 0, 'x'); require('${join(ROOT, 'bin', 'openclaw-spot')}');
       process.on('exit', () => console.log(Object.keys(require.cache).filter((path) => /aws-(sdk|cdk)/.test(path)).length))`,
      'status',
      '--help',
    ],
    { env: environment('http://127.0.0.1:1'), encoding: 'utf8' },
  );
  expect([status, stdout.split('\n').at(-2)]).toEqual([0, '0']);
});
