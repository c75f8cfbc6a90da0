import { CloudWatchLogs } from '@aws-sdk/client-cloudwatch-logs';
import { LOCAL_AWS, MACHINE, REGION, useDeploymentOnLocalAws } from './support/deployment-on-loopback';

jest.setTimeout(120_000);

const NOW = new Date(Math.floor(Date.now() / 60_000) * 60_000);
const minutesAgo = (minutes: number) => NOW.getTime() - minutes * 60_000;
const stamp = (minutes: number) => new Date(minutesAgo(minutes)).toISOString().slice(0, 19).replace('T', ' ');
const entry = (unit: string, MESSAGE: unknown) =>
  JSON.stringify({ body: { _SYSTEMD_UNIT: `${unit}.service`, MESSAGE } });

const deployment = useDeploymentOnLocalAws();
const client = new CloudWatchLogs(LOCAL_AWS);
beforeAll(async () => {
  for (const group of ['gateway', 'operations', 'system']) {
    await client.createLogGroup({ logGroupName: `/openclaw/dev/${group}` });
    await client.createLogStream({ logGroupName: `/openclaw/dev/${group}`, logStreamName: MACHINE });
  }
  await write('gateway', [
    [90, entry('openclaw', 'long ago')],
    [30, entry('openclaw', 'ready')],
    [20, entry('openclaw', [...Buffer.from('bytes \u00fc')])],
    [10, 'plain text'],
    [9, '{"some": "json"}'],
  ]);
  await write('operations', [
    [25, entry('openclaw-backup', 'backed up\nin two lines')],
    [5, entry('openclaw-drill', '\u001b]0;title\u0007 drilled')],
  ]);
});
afterAll(() => {
  client.destroy();
});

const write = (group: string, events: [number, string][]) =>
  client.putLogEvents({
    logGroupName: `/openclaw/dev/${group}`,
    logStreamName: MACHINE,
    logEvents: events.map(([minutes, message]) => ({ timestamp: minutesAgo(minutes), message })),
  });
const now = () => NOW;
const read = (...args: string[]) => deployment.run(['logs', ...args], {}, { now });

describe('logs', () => {
  test('are lines of all groups, in order, the last hour of them', async () => {
    const { status, out, said } = await read();
    expect([status, said]).toEqual([0, []]);
    expect(out.split('\n')).toEqual([
      `${stamp(30)}  openclaw  ready`,
      `${stamp(25)}  openclaw-backup  backed up`,
      `${stamp(25)}  openclaw-backup  in two lines`,
      `${stamp(20)}  openclaw  bytes ü`,
      `${stamp(10)}  gateway  plain text`,
      `${stamp(9)}  gateway  {"some": "json"}`,
      `${stamp(5)}  openclaw-drill  \\x1b]0;title\\x07 drilled`,
      '',
    ]);
  });

  test.each([
    [['gateway', '--since', '2h'], 5],
    [['gateway', '--since', '15m'], 2],
    [['--since', stamp(12)], 3],
    [['--unit', 'openclaw-backup'], 2],
    [['--unit', 'openclaw-drill.service', '--since', '1d'], 1],
    [['system'], 0],
  ])('%j are %i lines', async (args, count) => {
    const { status, out } = await read(...args);
    expect([status, out.split('\n').length - 1]).toEqual([0, count]);
  });

  test('with --json are one value on each line', async () => {
    const { out } = await read('operations', '--json', '--unit', 'openclaw-backup');
    expect(JSON.parse(out)).toEqual({
      time: new Date(minutesAgo(25)).toISOString(),
      group: 'operations',
      instance: MACHINE,
      unit: 'openclaw-backup.service',
      message: 'backed up\nin two lines',
    });
  });

  test('go on with what comes, each line once, until the person wants an end', async () => {
    let interrupt: () => void = () => undefined;
    const lines: string[] = [];
    let rounds = 0;
    const sleep = async () => {
      rounds++;
      if (rounds === 2) await write('system', [[4, entry('docker', 'late, but here')]]);
      if (rounds === 4) interrupt();
    };
    const onInterrupt = (listener: () => void) => {
      interrupt = listener;
      return () => undefined;
    };
    const out = (text: string) => lines.push(text.trim());
    const { status } = await deployment.run(
      ['logs', '--follow', '--since', '6m'],
      {},
      { now, sleep, onInterrupt, out },
    );
    expect([status, rounds, lines.map((line) => line.slice(21))]).toEqual([
      0,
      4,
      ['openclaw-drill  \\x1b]0;title\\x07 drilled', 'docker  late, but here'],
    ]);
  });

  test.each([
    [['web'], 2, "the log group must be one of gateway, operations, system, got 'web'"],
    [['--since', 'yesterday'], 2, "since must be like 30m, 12h, 2d or '2026-11-20 14:00' (UTC), got 'yesterday'"],
    [['--stack', 'lab'], 3, `no such deployment: ${REGION} has no group openclaw-lab;`],
  ])('%j fails', async (args, code, words) => {
    const { status, said } = await read(...args);
    expect([status, said]).toEqual([code, [expect.stringContaining(words)]]);
  });
});
