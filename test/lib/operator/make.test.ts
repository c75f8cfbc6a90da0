import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './support/local-servers';

const directory = mkdtempSync(join(tmpdir(), 'openclaw-spot-'));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const make = (env: NodeJS.ProcessEnv, ...args: string[]) =>
  execFileSync('make', ['--no-print-directory', ...args], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  }).toString();

const touched = join(directory, 'touched');
const WORDS = [
  `workspace/\`touch ${touched}\``,
  `workspace/$(touch ${touched})`,
  `workspace/$(shell touch ${touched})`,
  `it's "quoted" $HOME $$ a#b \\`,
  '-dash, with  blanks',
];

describe('what make is given', () => {
  // One target for all of them, because each start of make reads the whole Makefile.
  const NAMES = ['SNAPSHOT', 'AT', 'PATHS', 'ARCHIVE', 'SINCE'];
  const show = ['--eval', `show: ; @printf '%s\\n' ${NAMES.map((name) => `"$$${name}"`).join(' ')}`, 'show'];
  const given = Object.fromEntries(NAMES.map((name, index) => [name, WORDS[index] ?? '']));

  test('on its command line reaches programs as it is: neither make nor a shell reads it', () => {
    const args = Object.entries(given).map(([name, value]) => `${name}=${value}`);
    expect(make({}, ...show, ...args)).toBe(`${WORDS.join('\n')}\n`);
    expect(existsSync(touched)).toBe(false);
  });

  test('in its environment does so too', () => {
    expect(make(given, ...show)).toBe(`${WORDS.join('\n')}\n`);
    expect(existsSync(touched)).toBe(false);
  });
});
