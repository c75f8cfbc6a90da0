import { PassThrough, Readable } from 'node:stream';
import { SSM } from '@aws-sdk/client-ssm';
import { emptyLocalAws, LOCAL_AWS, MACHINE, REGION, useDeploymentOnLocalAws } from './support/deployment-on-loopback';

jest.setTimeout(120_000);

const deployment = useDeploymentOnLocalAws();
const ssm = new SSM(LOCAL_AWS);
beforeEach(emptyLocalAws);
afterAll(() => {
  ssm.destroy();
});

const NAME = '/openclaw/dev/env/TELEGRAM_BOT_TOKEN';
const stored = async (Name: string) =>
  ssm
    .getParameter({ Name, WithDecryption: true })
    .then(({ Parameter: { Type, Value } = {} }) => [Type, Value])
    .catch(() => undefined);
const typed = (text: string) => ({ input: Readable.from([text]) });
const set = (text: string, ...args: string[]) =>
  deployment.run(['secrets', 'set', 'TELEGRAM_BOT_TOKEN', ...args], {}, typed(text));

describe('secrets set', () => {
  test.each([
    ['12:ab', '12:ab', []],
    ['12:ab\n', '12:ab', ['the newline at its end was left out']],
    ['12:ab\r\n', '12:ab', ['the newline at its end was left out']],
    [' two\nlines \n\n', ' two\nlines \n', ['the newline at its end was left out']],
    ['$(x) `y` "z"', '$(x) `y` "z"', []],
    ['-dash', '-dash', []],
  ])('stores %j from standard input as %j, encrypted, and shows it nowhere', async (text, value, notes) => {
    const { status, out, said } = await set(text);
    expect([status, said, await stored(NAME)]).toEqual([0, notes, ['SecureString', value]]);
    expect(out).toBe(
      `stored ${NAME}, version 1\nOpenClaw has it so from its next start on; at once:  npx openclaw-spot secrets-reload --region ${REGION}\n`,
    );
  });

  test('replaces a value', async () => {
    await set('one');
    const { out } = await set('two', '--json');
    expect([JSON.parse(out), await stored(NAME)]).toEqual([{ stored: NAME, version: 2 }, ['SecureString', 'two']]);
  });

  test('asks at a terminal, and what is typed is not shown', async () => {
    const input = Object.assign(new PassThrough(), { isTTY: true });
    const written = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
    input.write('12:ab\r');
    const { status, said, out } = await deployment.run(['secrets', 'set', 'TELEGRAM_BOT_TOKEN'], {}, { input });
    const shown = JSON.stringify(written.mock.calls);
    written.mockRestore();
    expect([status, said]).toEqual([0, ['Value of TELEGRAM_BOT_TOKEN (it is not shown):']]);
    expect(out + shown).not.toContain('12:ab');
    expect(await stored(NAME)).toEqual(['SecureString', '12:ab']);
  });

  test.each(['\u0003', '\u0004'])('stores nothing where the person answers with %j', async (key) => {
    const input = Object.assign(new PassThrough(), { isTTY: true });
    input.write(key);
    const { status, said } = await deployment.run(['secrets', 'set', 'TELEGRAM_BOT_TOKEN'], {}, { input });
    expect([status, said.at(-1)]).toEqual([130, 'error: no answer was given: nothing was changed']);
    expect(await stored(NAME)).toBeUndefined();
  });

  test('has OpenClaw start again with it at once where that is wanted', async () => {
    const { status, said } = await set('12:ab', '--reload');
    expect([deployment.told?.Target, JSON.stringify(deployment.told?.Parameters)]).toEqual([
      MACHINE,
      expect.stringContaining('else systemctl restart openclaw.service; fi'),
    ]);
    expect([status, said[0]]).toEqual([0, `stored ${NAME}, version 1`]);
  });

  test.each([
    ['', 'the value of TELEGRAM_BOT_TOKEN must not be empty; it is read from standard input'],
    ['\n', 'the value of TELEGRAM_BOT_TOKEN must not be empty; it is read from standard input'],
    ['a\0b', 'the value of TELEGRAM_BOT_TOKEN must not hold a NUL character, which no environment variable can have'],
    [
      'ü'.repeat(2049),
      'the value of TELEGRAM_BOT_TOKEN must have at most 4096 bytes, which a standard parameter takes, got 4098',
    ],
  ])('refuses %j', async (text, fault) => {
    const { status, said } = await set(text);
    expect([status, said.at(-1), await stored(NAME)]).toEqual([2, `error: ${fault}`, undefined]);
  });

  test.each(['restic-password', '../restic-password', '1A', '', 'A B'])('refuses the name %j', async (name) => {
    const { status, said } = await deployment.run(['secrets', 'set', name], {}, typed('x'));
    expect([status, said]).toEqual([
      2,
      [
        `error: the name must be that of an environment variable, like TELEGRAM_BOT_TOKEN (letters, digits, underscores), got '${name}'`,
      ],
    ]);
    expect(deployment.asked).toEqual([]);
  });

  test('takes no value as an argument', async () => {
    const { status, said } = await deployment.run(['secrets', 'set', 'A', 'value']);
    expect([status, said[0]]).toEqual([2, expect.stringContaining('too many arguments')]);
  });
});

describe('secrets list', () => {
  test('has names, types and versions of this deployment alone, and no value', async () => {
    await set('12:ab');
    await ssm.putParameter({ Name: '/openclaw/dev/image', Value: 'plain', Type: 'String' });
    await ssm.putParameter({ Name: '/openclaw/dev-2/env/OTHER', Value: 'x', Type: 'SecureString' });
    const { status, out } = await deployment.run(['secrets', 'list']);
    expect(status).toBe(0);
    expect(out).not.toMatch(/12:ab|plain|OTHER/);
    const rows = out
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/).slice(0, 3));
    expect(rows).toEqual([
      ['NAME', 'TYPE', 'VERSION'],
      [NAME, 'SecureString', '1'],
      ['/openclaw/dev/image', 'String', '1'],
    ]);
    const json = await deployment.run(['secrets', '--json', 'list']);
    expect(JSON.parse(json.out)).toMatchObject([{ name: NAME, version: 1 }, { name: '/openclaw/dev/image' }]);
  });

  test('of none says so', async () => {
    const { status, out, said } = await deployment.run(['secrets', 'list']);
    expect([status, out, said]).toEqual([0, '', ['there are no parameters below /openclaw/dev']]);
  });
});

describe('secrets rm', () => {
  test('removes one, after a yes', async () => {
    await set('12:ab');
    const refused = await deployment.run(['secrets', 'rm', 'TELEGRAM_BOT_TOKEN']);
    expect([refused.status, refused.said]).toEqual([
      2,
      [`error: Remove ${NAME}? Its value cannot be brought back. Without a terminal say so with --yes`],
    ]);
    expect(await stored(NAME)).toBeDefined();
    expect((await deployment.run(['secrets', 'rm', 'TELEGRAM_BOT_TOKEN', '--yes'])).status).toBe(0);
    expect(await stored(NAME)).toBeUndefined();
  });

  test.each([
    ['y', 0],
    ['n', 1],
    ['', 1],
  ])('at a terminal does so for the answer %j alone', async (answer, code) => {
    await set('12:ab');
    const input = Object.assign(new PassThrough(), { isTTY: true });
    input.write(`${answer}\r`);
    const world = { input, terminal: true };
    jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    const { status, said } = await deployment.run(['secrets', 'rm', 'TELEGRAM_BOT_TOKEN'], {}, world);
    jest.restoreAllMocks();
    expect([status, said]).toEqual([code, [`Remove ${NAME}? Its value cannot be brought back. [y/N]`]]);
    expect((await stored(NAME)) === undefined).toBe(code === 0);
  });

  test('of what is not there fails', async () => {
    const { status, said } = await deployment.run(['secrets', 'rm', 'TELEGRAM_BOT_TOKEN', '--yes']);
    expect([status, said]).toEqual([1, [`error: there is no parameter ${NAME}: \`secrets list\` lists them`]]);
  });
});

test('secrets rotate makes another gateway token each time, and shows none', async () => {
  const name = '/openclaw/dev/env/OPENCLAW_GATEWAY_TOKEN';
  const seen = new Set<string>();
  for (let round = 0; round < 2; round++) {
    const { out } = await deployment.run(['secrets', 'rotate']);
    const [type, value = ''] = (await stored(name)) ?? [];
    expect([type, value]).toEqual(['SecureString', expect.stringMatching(/^[0-9a-f]{64}$/)]);
    expect(out).not.toContain(value);
    seen.add(value);
  }
  expect(seen.size).toBe(2);
});

test('secrets alone shows its help', async () => {
  const { status, said } = await deployment.run(['secrets']);
  expect([status, said.join('\n')]).toEqual([2, expect.stringContaining('rotate [options]')]);
});
