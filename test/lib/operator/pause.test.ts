import {
  BUCKET,
  group,
  json,
  MACHINE,
  NO_GROUP,
  NO_STACK,
  pausedGroup,
  useDeployment,
  xml,
} from './support/deployment-on-loopback';
import type { Answer } from './support/local-servers';

const deployment = useDeployment();

const ok = (body: string): Answer => ({ status: 200, body });
const SINCE = '2026-11-23T23:00:00Z';
const BEGIN = Date.parse(SINCE);
const HANDOVER = `GET /${BUCKET}/handover.json?x-id=GetObject`;
const MANIFEST = 'mirror/manifests/00000003-00000007_20261123T224500Z_7_1_i-0aa_v_img_0a1b2c3d.jsonl.gz';
const SAVED: Record<string, Answer> = {
  [`HEAD /${BUCKET}/`]: ok(''),
  [`GET /${BUCKET}/?prefix=&versions=`]: ok(
    `<ListVersionsResult>${'<Version><Key>a</Key><Size>1073741824</Size></Version>'.repeat(2)}</ListVersionsResult>`,
  ),
  [`GET /${BUCKET}/?list-type=2&prefix=snapshots%2Fsnapshots%2F`]: ok('<ListBucketResult/>'),
  [`GET /${BUCKET}/?list-type=2&prefix=mirror%2Fmanifests%2F`]: ok(
    `<ListBucketResult><Contents><Key>${MANIFEST}</Key><LastModified>2026-11-23T22:45:00Z</LastModified><Size>1</Size></Contents></ListBucketResult>`,
  ),
  [`GET /${BUCKET}/lease.json?x-id=GetObject`]: { status: 404, body: '' },
  [`GET /${BUCKET}/stopped.json?x-id=GetObject`]: { status: 404, body: '' },
  [HANDOVER]: ok(JSON.stringify({ instance: MACHINE, clean: true, reason: 'termination' })),
  DescribeStacks: NO_STACK,
  DescribeAlarms: json({ MetricAlarms: [] }),
  GetParameter: json({ Parameter: { Value: '{}' } }),
};

/** A clock that goes on by what is slept, so many times. */
function clock(pace = 1) {
  let at = BEGIN;
  return {
    now: () => new Date(at),
    sleep: (milliseconds: number) => {
      at += milliseconds * pace;
      return Promise.resolve();
    },
  };
}

/** A group that does as it is asked; `life` is what it has instead of a machine, look by look, on the way to the last. */
function aGroup(
  wants: 0 | 1,
  before: [string, string][],
  life: [string, string][][],
): Record<string, Answer | (() => Answer)> {
  let wanted = wants;
  let has = before;
  const steps = [...life];
  return {
    UpdateAutoScalingGroup: () => {
      wanted = deployment.asked.at(-1)?.body.includes('DesiredCapacity=0') ? 0 : 1;
      return xml('UpdateAutoScalingGroup', '');
    },
    CreateOrUpdateTags: xml('CreateOrUpdateTags', ''),
    DeleteTags: xml('DeleteTags', ''),
    SuspendProcesses: xml('SuspendProcesses', ''),
    ResumeProcesses: xml('ResumeProcesses', ''),
    DescribeAutoScalingGroups: () => {
      if (deployment.actions.includes('UpdateAutoScalingGroup') || wants === 0) has = steps.shift() ?? has;
      return wanted === 0 ? pausedGroup(SINCE, ...has) : group(...has);
    },
  };
}

const changes = () =>
  deployment.asked
    .filter(({ action }) => /^(Update|Create|Delete|Suspend|Resume)/.test(action))
    .map(({ action, body }) => [action, Object.fromEntries(new URLSearchParams(body))] as const);

describe('pause', () => {
  const RUNS: [string, string][] = [[MACHINE, 'InService']];
  const ENDING: [string, string][][] = [[[MACHINE, 'Terminating:Wait']], [[MACHINE, 'Terminating:Proceed']], []];

  test('notes the time, has the group want none, waits for the end, and says how it was and what goes on costing', async () => {
    deployment.answers = { ...SAVED, ...aGroup(1, RUNS, ENDING) };
    const { status, out, said } = await deployment.run(['pause'], {}, clock());
    expect(said).toEqual([
      `${MACHINE} is Terminating:Wait, paused since ${SINCE}, until \`resume\` (0 s)`,
      `${MACHINE} is Terminating:Proceed, paused since ${SINCE}, until \`resume\` (10 s)`,
    ]);
    expect(out.split('\n')).toEqual([
      `${MACHINE} is gone; its end was clean: the state is saved and the lease given back`,
      'last backup  2026-11-23 22:45:00 UTC, mirror',
      `openclaw-dev is paused since ${SINCE}: no instance, no root volume, no address`,
      'goes on costing:',
      '  state bucket  2 object versions, 2.00 GiB: about 0.05 USD a month',
      '  alarms, a dashboard and logs that are stored, where there are any: `cost` has the figures',
      'To go on:  npx openclaw-spot resume --region me-central-1',
      '',
    ]);
    expect(status).toBe(0);
    expect(changes()).toEqual([
      [
        'CreateOrUpdateTags',
        expect.objectContaining({
          'Tags.member.1.ResourceId': 'openclaw-dev',
          'Tags.member.1.Key': 'openclaw:paused',
          'Tags.member.1.Value': SINCE,
          'Tags.member.1.PropagateAtLaunch': 'false',
        }),
      ],
      ['SuspendProcesses', expect.objectContaining({ 'ScalingProcesses.member.1': 'ScheduledActions' })],
      [
        'UpdateAutoScalingGroup',
        expect.objectContaining({ AutoScalingGroupName: 'openclaw-dev', MinSize: '0', DesiredCapacity: '0' }),
      ],
    ]);
  });

  test.each([
    ['set aside', { instance: MACHINE, clean: false, set_aside: true }, 'not clean: the last state was refused'],
    ['not clean', { instance: MACHINE, clean: false }, 'not clean: what was written since'],
    ['of another machine', { instance: 'i-0aa', clean: true }, 'it left no word of a clean end'],
    ['of none', {}, 'it left no word of a clean end'],
    ['no object', null, 'it left no word of a clean end'],
  ])('ends with 1 where the record of the end is %s', async (_, record, words) => {
    deployment.answers = { ...SAVED, ...aGroup(1, RUNS, ENDING), [HANDOVER]: ok(JSON.stringify(record)) };
    const { status, out } = await deployment.run(['pause'], {}, clock());
    expect([status, out.split('\n')[0]]).toEqual([1, expect.stringContaining(words)]);
  });

  test('without a bucket says that nothing is saved', async () => {
    deployment.answers = { ...SAVED, ...aGroup(1, RUNS, ENDING), [`HEAD /${BUCKET}/`]: { status: 404, body: '' } };
    const { status, out } = await deployment.run(['pause'], {}, clock());
    expect([status, out]).toEqual([0, expect.stringContaining('(backup=off): nothing is saved')]);
  });

  test('as JSON has every value', async () => {
    deployment.answers = { ...SAVED, ...aGroup(1, RUNS, ENDING) };
    const { out } = await deployment.run(['pause', '--json'], {}, clock());
    expect(JSON.parse(out)).toMatchObject({
      group: 'openclaw-dev',
      paused: SINCE,
      ended: MACHINE,
      end: 'clean',
      bucket: { count: 2, gib: 2, usdPerMonth: 0.05 },
    });
  });

  test('a second time changes nothing, and waits for a machine that is still there', async () => {
    deployment.answers = { ...SAVED, ...aGroup(0, [], [[[MACHINE, 'Terminating:Wait']], []]) };
    const { status, said, out } = await deployment.run(['pause'], {}, clock());
    expect([status, changes(), said[0]]).toEqual([0, [], 'openclaw-dev is paused already']);
    expect(out).toContain(`${MACHINE} is gone; its end was clean`);
  });

  test('of one that its schedule has stopped keeps the schedule from starting it', async () => {
    deployment.answers = {
      ...SAVED,
      ...aGroup(0, [], []),
      DescribeAutoScalingGroups: () => pausedGroup(deployment.actions.includes('SuspendProcesses') ? SINCE : ''),
    };
    const { status, out } = await deployment.run(['pause'], {}, clock());
    expect([status, changes().map(([action]) => action)]).toEqual([
      0,
      ['CreateOrUpdateTags', 'SuspendProcesses', 'UpdateAutoScalingGroup'],
    ]);
    expect(out).toContain(`openclaw-dev is paused since ${SINCE}`);
  });

  test('is refused during a deploy, which would wait for a machine', async () => {
    deployment.answers = {
      ...SAVED,
      ...aGroup(1, RUNS, ENDING),
      DescribeStacks: xml(
        'DescribeStacks',
        '<Stacks><member><StackName>openclaw-dev</StackName><StackStatus>UPDATE_IN_PROGRESS</StackStatus></member></Stacks>',
      ),
    };
    const { status, said } = await deployment.run(['pause'], {}, clock());
    expect([status, changes(), said]).toEqual([
      1,
      [],
      ['error: openclaw-dev is being deployed (UPDATE_IN_PROGRESS), which waits for its machine: pause it afterwards'],
    ]);
  });

  test('gives a machine that does not end an hour, with a word each minute', async () => {
    deployment.answers = { ...SAVED, ...aGroup(1, RUNS, [[[MACHINE, 'Terminating:Wait']]]) };
    const { status, said } = await deployment.run(['pause'], {}, clock(6));
    expect([status, said.length]).toEqual([1, 62]);
    expect(said.at(-1)).toContain('after 60 min the machine is still there');
  });

  test('says so where somebody resumes meanwhile', async () => {
    const answers = aGroup(1, RUNS, ENDING);
    deployment.answers = { ...SAVED, ...answers, UpdateAutoScalingGroup: xml('UpdateAutoScalingGroup', '') };
    const { status, said } = await deployment.run(['pause'], {}, clock());
    expect([status, said]).toEqual([1, ['error: somebody has resumed openclaw-dev meanwhile']]);
  });
});

describe('resume', () => {
  const LAUNCHED = BEGIN + 30_000;
  const instance = ok(
    `<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>${MACHINE}</instanceId><launchTime>${new Date(LAUNCHED).toISOString()}</launchTime></item></instancesSet></item></reservationSet></DescribeInstancesResponse>`,
  );
  const heartbeat = (at: number) => json({ MetricDataResults: [{ Id: 'm1', Values: [1], Timestamps: [at / 1000] }] });
  const BOOTS: [string, string][][] = [[], [], [[MACHINE, 'Pending']], [[MACHINE, 'InService']]];

  /** The machine says that it serves in the third minute; before that stands what the one before has said. */
  function booting(time: ReturnType<typeof clock>): Record<string, Answer | (() => Answer)> {
    return {
      ...SAVED,
      ...aGroup(0, [], BOOTS),
      DescribeInstances: instance,
      GetMetricData: () => heartbeat(time.now().getTime() < BEGIN + 180_000 ? BEGIN - 60_000 : BEGIN + 120_000),
    };
  }

  test('has the group want one, takes the note away, and waits for a word of this very machine', async () => {
    const time = clock();
    deployment.answers = booting(time);
    const { status, out, said } = await deployment.run(['resume'], {}, time);
    expect([status, out]).toEqual([0, `OpenClaw on ${MACHINE} has said that it serves, after 3 min 0 s\n`]);
    expect(said[0]).toBe('no machine in service yet: its group wants 1 and has none (0 s)');
    expect(said).toContain(`${MACHINE} is there and has not said yet that OpenClaw serves (20 s)`);
    expect(changes()).toEqual([
      ['UpdateAutoScalingGroup', expect.objectContaining({ MinSize: '1', DesiredCapacity: '1' })],
      ['ResumeProcesses', expect.objectContaining({ 'ScalingProcesses.member.1': 'ScheduledActions' })],
      ['DeleteTags', expect.objectContaining({ 'Tags.member.1.Key': 'openclaw:paused' })],
    ]);
  });

  test('of one that runs changes nothing', async () => {
    const time = clock();
    deployment.answers = {
      ...booting(time),
      ...aGroup(1, [[MACHINE, 'InService']], []),
      GetMetricData: heartbeat(BEGIN + 60_000),
    };
    const { status, said, out } = await deployment.run(['resume', '--json'], {}, time);
    expect([status, changes(), said]).toEqual([0, [], ['openclaw-dev is not paused']]);
    expect(JSON.parse(out)).toMatchObject({ machine: { id: MACHINE }, ready: true, seconds: 0 });
  });

  test('does not wait for an OpenClaw that is stopped by hand', async () => {
    const time = clock();
    deployment.answers = { ...booting(time), [`GET /${BUCKET}/stopped.json?x-id=GetObject`]: ok('{"stopped":true}') };
    const { status, out } = await deployment.run(['resume'], {}, time);
    expect([status, out]).toEqual([0, expect.stringContaining('OpenClaw is stopped by hand')]);
  });

  test('gives a machine that says nothing 25 minutes', async () => {
    const time = clock(6);
    deployment.answers = { ...booting(time), GetMetricData: json({ MetricDataResults: [] }) };
    const { status, said } = await deployment.run(['resume'], {}, time);
    expect(status).toBe(1);
    expect(said.at(-1)).toContain('npx openclaw-spot logs operations --region me-central-1');
  });

  test('says so where somebody pauses meanwhile', async () => {
    const time = clock();
    deployment.answers = { ...booting(time), UpdateAutoScalingGroup: xml('UpdateAutoScalingGroup', '') };
    const { status, said } = await deployment.run(['resume'], {}, time);
    expect([status, said]).toEqual([1, ['error: somebody has paused openclaw-dev meanwhile']]);
  });
});

test.each(['pause', 'resume'])('%s of no such deployment fails', async (name) => {
  deployment.answers = { DescribeAutoScalingGroups: NO_GROUP };
  const { status, said } = await deployment.run([name]);
  expect([status, said]).toEqual([3, [expect.stringContaining('no such deployment')]]);
});
