import {
  BUCKET,
  group,
  json,
  MACHINE,
  NO_GROUP,
  pausedGroup,
  REGION,
  useDeployment,
} from './support/deployment-on-loopback';
import type { Answer } from './support/local-servers';

const deployment = useDeployment();

const NOW = new Date('2026-11-23T20:00:00Z');
const now = () => NOW;
const SAID_AT = NOW.getTime() / 1000 - 60;
const ok = (body: string): Answer => ({ status: 200, body });
const ID = '5f'.repeat(32);
const DIGEST = `sha256:${'ab'.repeat(32)}`;
const REFUSED = '00000003-00000009_20261123T195900Z_7_1_i-0aa_v_img_0a1b2c3d-refused.jsonl.gz';
const contents = (key: string, time: string) =>
  ok(
    `<ListBucketResult><Contents><Key>${key}</Key><LastModified>${time}</LastModified><Size>1</Size></Contents></ListBucketResult>`,
  );
const listing = (prefix: string) => `GET /${BUCKET}/?list-type=2&prefix=${encodeURIComponent(prefix)}`;
const metrics = (...values: (number | undefined)[]) =>
  json({
    MetricDataResults: values.map((value, index) => ({
      Id: `m${index}`,
      ...(value === undefined ? { Values: [], Timestamps: [] } : { Values: [value], Timestamps: [SAID_AT] }),
    })),
  });
const alarms = (...found: object[]) => json({ MetricAlarms: found });

const RUNNING: Record<string, Answer> = {
  DescribeInstances: ok(
    `<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>${MACHINE}</instanceId><instanceLifecycle>spot</instanceLifecycle><launchTime>2026-11-20T16:00:00Z</launchTime></item></instancesSet></item></reservationSet></DescribeInstancesResponse>`,
  ),
  GetMetricData: metrics(1, undefined, 61.4, 40),
  DescribeAlarms: alarms(),
  [`HEAD /${BUCKET}/`]: ok(''),
  [listing('snapshots/snapshots/')]: contents(`snapshots/snapshots/${ID}`, '2026-11-23T19:45:00Z'),
  [listing('mirror/manifests/')]: contents(`mirror/manifests/${REFUSED}`, '2026-11-23T19:59:00Z'),
  [`GET /${BUCKET}/lease.json?x-id=GetObject`]: ok(
    JSON.stringify({ generation: 3, nonce: 'n', instance: MACHINE, bucket: BUCKET, released: false }),
  ),
  [`GET /${BUCKET}/stopped.json?x-id=GetObject`]: { status: 404, body: '' },
  GetParameter: json({
    Parameter: { Value: JSON.stringify({ reference: 'ghcr.io/openclaw/openclaw:2026.9.6', digest: DIGEST }) },
  }),
};

describe('status', () => {
  test('is one screen', async () => {
    deployment.answers = RUNNING;
    const { status, out, said } = await deployment.run(['status'], {}, { now });
    expect([status, said]).toEqual([0, []]);
    expect(out.split('\n')).toEqual([
      `deployment   openclaw-dev in ${REGION}`,
      `machine      ${MACHINE}, t4g.small, spot, ${REGION}a`,
      'up since     2026-11-20 16:00:00 UTC (3 d 4 h ago)',
      'ready        yes',
      'last backup  2026-11-23 19:45:00 UTC (15 min 0 s ago), snapshots',
      `lease        generation 3, ${MACHINE}`,
      `image        ghcr.io/openclaw/openclaw:2026.9.6 (${DIGEST.slice(0, 19)})`,
      'memory       61 % used',
      'disk         40 % used',
      'alarms       none',
      '',
    ]);
  });

  test('as JSON has every value', async () => {
    deployment.answers = RUNNING;
    const { out } = await deployment.run(['status', '--json'], {}, { now });
    expect(JSON.parse(out)).toMatchObject({
      machine: { id: MACHINE, type: 't4g.small', market: 'spot', upSince: '2026-11-20T16:00:00.000Z' },
      ready: true,
      lastBackup: { id: ID, engine: 'snapshots' },
      lease: { generation: 3, state: 'held' },
      image: { digest: DIGEST },
      alarms: [],
      notes: [],
    });
  });

  test.each<[string, Record<string, Answer>, string[]]>([
    [
      'no machine, and one that comes',
      {
        DescribeAutoScalingGroups: group(['i-0aa', 'Pending']),
        GetMetricData: metrics(undefined, undefined, undefined),
      },
      [
        'machine      none in service: i-0aa is Pending',
        'up since     -',
        'ready        unknown: for a quarter of an hour the machine has not said that all is well',
        'memory       unknown',
      ],
    ],
    ['a gateway that is not ready', { GetMetricData: metrics(0, 1, 1) }, ['ready        no']],
    [
      'a machine that has said nothing yet: what the one before has said does not count',
      {
        DescribeInstances: ok(
          `<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>${MACHINE}</instanceId><launchTime>2026-11-23T19:59:30Z</launchTime></item></instancesSet></item></reservationSet></DescribeInstancesResponse>`,
        ),
      },
      [
        'ready        unknown: for a quarter of an hour the machine has not said that all is well',
        'memory       unknown',
      ],
    ],
    [
      'a pause',
      { DescribeAutoScalingGroups: pausedGroup('2026-11-22T23:00:00Z') },
      [
        'machine      none in service: paused since 2026-11-22T23:00:00Z, until `resume`',
        'paused       since 2026-11-22T23:00:00Z, no machine until `resume`',
      ],
    ],
    [
      'a pause that nobody has noted',
      { DescribeAutoScalingGroups: pausedGroup('\u001b[1m', ['i-0aa', 'Terminating:Wait']) },
      [
        'machine      none in service: i-0aa is Terminating:Wait, paused by a schedule or by hand, until `resume`',
        'paused       by a schedule or by hand, no machine until `resume`',
      ],
    ],
    [
      'an alarm',
      {
        DescribeAlarms: alarms({
          AlarmName: 'openclaw-dev-ObservabilityAlarmsBackupFailed1-AB',
          AlarmDescription: 'A backup failed',
        }),
      },
      ['alarms       1 in ALARM', '             openclaw-dev-ObservabilityAlarmsBackupFailed1-AB: A backup failed'],
    ],
    [
      'an OpenClaw that was stopped by hand',
      { [`GET /${BUCKET}/stopped.json?x-id=GetObject`]: ok('{"stopped":true,"at":"2026-11-20T14:00:00Z"}') },
      ['stopped      by hand since 2026-11-20T14:00:00Z, on any machine until `start`'],
    ],
    [
      'a stop that does not say when',
      { [`GET /${BUCKET}/stopped.json?x-id=GetObject`]: ok('{"stopped":true,"at":"\\u001b[1m"}') },
      ['stopped      by hand, on any machine until `start`'],
    ],
    ['a lease that is none', { [`GET /${BUCKET}/lease.json?x-id=GetObject`]: ok('[1]') }, ['lease        none']],
    [
      'a lease given back',
      {
        [`GET /${BUCKET}/lease.json?x-id=GetObject`]: ok('{"generation":4,"instance":"i-\\u001b[1m","released":true}'),
      },
      ['lease        generation 4, i-\\x1b[1m, released'],
    ],
    [
      'no bucket and no image yet',
      {
        [`HEAD /${BUCKET}/`]: { status: 404, body: '' },
        GetParameter: json({ __type: 'ParameterNotFound', message: '' }, 400),
      },
      ['last backup  none', 'image        not recorded yet'],
    ],
  ])('shows %s', async (_, answers, lines) => {
    deployment.answers = { ...RUNNING, ...answers };
    const { status, out, said } = await deployment.run(['status'], {}, { now });
    expect([status, said]).toEqual([0, []]);
    for (const line of lines) expect(out.split('\n')).toContain(line);
  });

  test('shows the rest where a part may not be asked, and says which', async () => {
    const denied = { status: 403, body: JSON.stringify({ __type: 'AccessDeniedException', message: 'no' }) };
    deployment.answers = { ...RUNNING, GetMetricData: denied };
    const { status, out, said } = await deployment.run(['status'], {}, { now });
    expect([status, said]).toEqual([
      0,
      [`not allowed: cloudwatch:GetMetricData in ${REGION}; allow this action to the user or role`],
    ]);
    expect(out).toContain('last backup  2026-11-23');
  });

  test('--watch shows it anew until the person wants an end', async () => {
    deployment.answers = RUNNING;
    let interrupt: () => void = () => undefined;
    let pauses = 0;
    const { status, out } = await deployment.run(
      ['status', '--watch'],
      {},
      {
        now,
        onInterrupt: (listener) => {
          interrupt = listener;
          return () => undefined;
        },
        sleep: () => {
          pauses++;
          if (pauses === 2) interrupt();
          return Promise.resolve();
        },
      },
    );
    expect([status, out.split('deployment   ').length - 1]).toEqual([0, 2]);
  });

  test('of no such deployment fails', async () => {
    deployment.answers = { DescribeAutoScalingGroups: NO_GROUP };
    const { status, said } = await deployment.run(['status']);
    expect([status, said]).toEqual([3, [expect.stringContaining('no such deployment')]]);
  });
});
