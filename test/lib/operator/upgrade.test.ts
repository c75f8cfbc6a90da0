import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { S3 } from '@aws-sdk/client-s3';
import { SSM } from '@aws-sdk/client-ssm';
import {
  BUCKET,
  emptyLocalAws,
  group,
  json,
  LOCAL_AWS,
  MACHINE,
  NO_GROUP,
  pausedGroup,
  REGION,
  useDeploymentOnLocalAws,
  xml,
} from './support/deployment-on-loopback';

// The first test loads the CDK.
jest.setTimeout(120_000);

const AZ = `${REGION}a`;
const OLD = 'ghcr.io/openclaw/openclaw:2026.9.1';
const NEW = 'ghcr.io/openclaw/openclaw:2026.9.6';
const DIGEST = `sha256:${'a'.repeat(64)}`;
const SNAPSHOT = `beef${'0'.repeat(60)}`;
const SET_ASIDE = `dead${'0'.repeat(60)}`;
const LISTED = [
  'ID        TIME (UTC)           SIZE     FILES  GEN  IMAGE            ENGINE',
  'beef0000  2026-11-27 13:59:58  1.4 MiB  12     3.7  openclaw:2026.9.1  snapshots',
  'dead0000  2026-11-27 14:00:00  1.4 MiB  12     3.8  openclaw:2026.9.1  snapshots (set aside)',
  'a line of the journal  that is no row',
  '',
].join('\n');
const NOW = new Date('2026-11-27T14:00:00Z');
const RECORD = { from: { reference: OLD, digest: DIGEST }, to: NEW, snapshot: SNAPSHOT, time: '2026-11-27T14:00:00Z' };
const UPGRADE = '/openclaw/dev/upgrade';
const IMAGE = '/openclaw/dev/image';
const CDK = 'GET /cdk';

const root = mkdtempSync(join(tmpdir(), 'openclaw-upgrade-'));
const called = join(root, 'called');
const file = join(root, 'deployments', 'dev.json');
const deployment = useDeploymentOnLocalAws();
const s3 = new S3(LOCAL_AWS);
const ssm = new SSM(LOCAL_AWS);
beforeAll(() => {
  writeFileSync(join(root, 'cdk.json'), '{}');
  for (const directory of ['deployments', 'node_modules/.bin']) mkdirSync(join(root, directory), { recursive: true });
  const cdk = join(root, 'node_modules', '.bin', 'cdk');
  // Its run is among what the deployment is asked, in its place.
  writeFileSync(
    cdk,
    `#!/usr/bin/env node
require('node:fs').writeFileSync(${JSON.stringify(called)}, process.argv.slice(2).join('\\0'));
fetch(process.env.AWS_ENDPOINT_URL + '/cdk').then(() => process.exit(Number(process.env.CDK_ENDS ?? 0)));
`,
  );
  chmodSync(cdk, 0o755);
});
beforeEach(async () => {
  await emptyLocalAws();
  await s3.createBucket({ Bucket: BUCKET, CreateBucketConfiguration: { LocationConstraint: REGION } });
  for (const id of [SNAPSHOT, SET_ASIDE]) await put(`snapshots/snapshots/${id}`, 'a snapshot');
  await setParameter(IMAGE, { reference: OLD, digest: DIGEST });
});
afterEach(() => {
  for (const path of [called, file]) rmSync(path, { force: true });
});
afterAll(() => {
  s3.destroy();
  ssm.destroy();
  rmSync(root, { recursive: true });
});

const put = (Key: string, Body: string) => s3.putObject({ Bucket: BUCKET, Key, Body });
const stored = (Key: string): Promise<string | undefined> =>
  s3
    .getObject({ Bucket: BUCKET, Key })
    .then(({ Body }) => Body?.transformToString())
    .catch(() => undefined);
const setParameter = (Name: string, value: unknown) =>
  ssm.putParameter({ Name, Value: JSON.stringify(value), Type: 'String', Overwrite: true });
const parameter = (Name: string): Promise<unknown> =>
  ssm
    .getParameter({ Name })
    .then(({ Parameter }): unknown => JSON.parse(Parameter?.Value ?? ''))
    .catch(() => undefined);

interface Stack {
  /** What the deploy before was told. */
  told?: Record<string, string>;
  /** CloudFormation's word after the deploy. */
  status?: string;
  /** Events of the deploy, the oldest first: type and status. */
  events?: [string, string][];
  /** Whether the deploy begins. */
  begins?: boolean;
}

/** Answers of CloudFormation before and, other ones, after the CDK has run. */
function cloudFormation({
  told = { az: AZ, image: OLD },
  status = 'UPDATE_COMPLETE',
  events = [],
  begins = true,
}: Stack) {
  const ran = () => deployment.actions.includes(CDK);
  const member = (type: string, word: string) =>
    `<member><ResourceType>AWS::${type}</ResourceType><ResourceStatus>${word}</ResourceStatus></member>`;
  // An update before this one, which had gone well.
  const before = [member('AutoScaling::AutoScalingGroup', 'UPDATE_COMPLETE')];
  return {
    [CDK]: { status: 200, body: '' },
    DescribeStacks: () =>
      xml(
        'DescribeStacks',
        `<Stacks><member><StackName>openclaw-dev</StackName><StackStatus>${ran() ? status : 'UPDATE_COMPLETE'}</StackStatus>` +
          `<LastUpdatedTime>2026-11-${ran() && begins ? 27 : 20}T14:00:05Z</LastUpdatedTime><Outputs><member><OutputKey>Settings</OutputKey>` +
          `<OutputValue>${JSON.stringify(told)}</OutputValue></member></Outputs></member></Stacks>`,
      ),
    DescribeStackEvents: () =>
      xml(
        'DescribeStackEvents',
        `<StackEvents>${[...before, ...events.map(([type, word]) => member(type, word))].reverse().join('')}</StackEvents>`,
      ),
  };
}

const STARTED: [string, string] = ['CloudFormation::Stack', 'UPDATE_IN_PROGRESS'];
const READY: [string, string] = ['AutoScaling::AutoScalingGroup', 'UPDATE_COMPLETE'];
const GOES_BACK: [string, string] = ['CloudFormation::Stack', 'UPDATE_ROLLBACK_IN_PROGRESS'];

async function run(args: string[], stack: Stack = {}, env: Record<string, string> = {}, answer?: string) {
  deployment.answers = { ...cloudFormation(stack), ...deployment.answers };
  const input = new PassThrough();
  if (answer !== undefined) input.write(`${answer}\n`);
  const result = await deployment.run(
    [...args, '--az', AZ],
    { OPENCLAW_SETTINGS_DIR: 'deployments', ANSWER: LISTED, ...env },
    { root, now: () => NOW, ...(answer !== undefined && { terminal: true, input }) },
  );
  return { ...result, cdk: existsSync(called) ? readFileSync(called, 'utf8').split('\0') : undefined };
}

/** Whether the deployment was asked this before the CDK ran, or after it. */
function orderOf(action: string): 'before' | 'after' {
  expect(deployment.actions).toEqual(expect.arrayContaining([action, CDK]));
  return deployment.actions.indexOf(action) < deployment.actions.indexOf(CDK) ? 'before' : 'after';
}

const rows = (out: string) =>
  out
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.split(/ {2,}/));

describe('upgrade', () => {
  test('backs up, notes the way back, deploys, and says what it did', async () => {
    const { status, out, cdk } = await run(['upgrade', NEW]);
    expect([status, cdk]).toEqual([0, ['deploy', '-c', `az=${AZ}`, '-c', `image=${NEW}`]]);
    expect(rows(out)).toEqual([
      ['backup', '0', `snapshot ${SNAPSHOT}`],
      ['note', '0', `the way back, in ${UPGRADE}`],
      ['deploy', '0', `${NEW} is ready`],
    ]);
    expect(await parameter(UPGRADE)).toEqual(RECORD);
    expect([orderOf('StartSession'), orderOf('PutParameter')]).toEqual(['before', 'before']);
    expect(await stored('restore.json')).toBeUndefined();
  });

  test('says all of it as one value with --json', async () => {
    const { out } = await run(['upgrade', NEW, '--json']);
    expect(JSON.parse(out)).toMatchObject({ upgraded: true, from: RECORD.from, image: NEW, snapshot: SNAPSHOT });
  });

  test('names the line that would take it back, and changes no file', async () => {
    const text = `{"az": "${AZ}", "image": "${OLD}"} // mine`;
    writeFileSync(file, text);
    const { said } = await run(['upgrade', NEW]);
    expect(said).toContain(
      `deployments/dev.json says "image": "${OLD}", and the next deploy does so: change it to "${NEW}"`,
    );
    expect(readFileSync(file, 'utf8')).toBe(text);
    rmSync(file);
    deployment.reset();
    expect((await run(['upgrade', NEW])).said).toContain(
      `so that the next deploy keeps it: "image": "${NEW}" in deployments/dev.json`,
    );
  });

  test.each([
    ['the image that is deployed', OLD, {}, 0, `nothing to do: ${OLD} is deployed, at ${DIGEST}`],
    ['an older one', 'ghcr.io/openclaw/openclaw:2026.8.1', {}, 1, 'npx openclaw-spot rollback'],
    ['no image', 'Not An Image', {}, 2, "got 'Not An Image'"],
    ['no backups', NEW, { told: { az: AZ, image: OLD, backup: 'off' } }, 1, 'has no backups (backup=off)'],
    [
      'what the last deploy was told besides',
      NEW,
      { told: { image: OLD, market: 'on-demand' } },
      2,
      'say so with --yes',
    ],
  ])('does nothing with %s', async (_, image, stack: Stack, expected, words) => {
    const { status, out, said, cdk } = await run(
      ['upgrade', image, ...(stack.told?.backup ? ['-c', 'backup=off'] : [])],
      stack,
    );
    expect([status, cdk]).toEqual([expected, undefined]);
    expect(`${out}${said.join('\n')}`).toContain(words);
    expect([deployment.words, await parameter(UPGRADE)]).toEqual([undefined, undefined]);
  });

  test('takes the image from the environment that make fills', async () => {
    const { status, cdk } = await run(['upgrade'], {}, { IMAGE: NEW });
    expect([status, cdk?.at(-1)]).toEqual([0, `image=${NEW}`]);
  });

  test('believes no digest that no machine would record', async () => {
    await setParameter(IMAGE, { reference: OLD, digest: 'sha256:\u001b[2J' });
    await run(['upgrade', NEW]);
    expect(await parameter(UPGRADE)).toEqual({ ...RECORD, from: { reference: OLD } });
  });

  test('refuses a second image', async () => {
    const { status, said } = await run(['upgrade', NEW, '-c', `image=${OLD}`]);
    expect([status, said, deployment.asked]).toEqual([
      2,
      [`error: this command decides the image, got -c image=${OLD}: leave it out`],
      [],
    ]);
  });

  test.each([
    ['no deployment', NO_GROUP, 'no such deployment'],
    ['no machine', group([MACHINE, 'Terminating:Wait']), 'no machine of openclaw-dev is in service'],
  ])('needs a machine that can be backed up: %s', async (_, answer, words) => {
    deployment.answers = { DescribeAutoScalingGroups: answer };
    const { status, said, cdk } = await run(['upgrade', NEW]);
    expect([status, said.join(), cdk]).toEqual([3, expect.stringContaining(words), undefined]);
  });

  test.each([
    ['stopped.json', '{"stopped":true,"at":"2026-11-27T12:00:00Z"}', 'is stopped by hand since 2026-11-27T12:00:00Z'],
    ['restore.json', '{"snapshot":"abc"}', 'a restore is asked for at the next boot'],
  ])('refuses where %s says so', async (key, text, words) => {
    await put(key, text);
    const { status, said, cdk } = await run(['upgrade', NEW]);
    expect([status, said.join(), cdk, deployment.words]).toEqual([
      1,
      expect.stringContaining(words),
      undefined,
      undefined,
    ]);
  });

  test.each([
    [
      'ends with another status',
      { ANSWER: 'disk full\n', STATUS: '76' },
      'openclaw-state backup on i-0123456789abcdef0 ended with 76: disk full',
    ],
    ['is not in the bucket', { ANSWER: LISTED.replace('beef0000', 'cafe0000') }, "got 'cafe0000'"],
    ['has no name', { ANSWER: '' }, "got ''"],
  ])('deploys nothing where the backup %s', async (_, env, words) => {
    const { status, said, cdk } = await run(['upgrade', NEW], {}, env);
    expect([status, said.at(-1), cdk]).toEqual([1, expect.stringContaining(words), undefined]);
    expect(await parameter(UPGRADE)).toBeUndefined();
  });
});

describe('an upgrade whose deploy fails', () => {
  const failed = (stack: Stack) => run(['upgrade', NEW], stack, { CDK_ENDS: '1' });
  const EARLIER = { ...RECORD, to: OLD, from: { reference: 'ghcr.io/openclaw/openclaw:2026.8.1' } };

  test('before anything began, leaves all as it was', async () => {
    await setParameter(UPGRADE, EARLIER);
    const { status, out } = await failed({ begins: false });
    expect([status, rows(out).slice(2)]).toEqual([
      1,
      [
        ['deploy', '0', 'failed'],
        ['image', '0', `${OLD} still: nothing was changed`],
        ['state', '0', 'goes on'],
      ],
    ]);
    expect(await parameter(UPGRADE)).toEqual(EARLIER);
  });

  test('on a machine that never served, has image and state back', async () => {
    const events = [STARTED, GOES_BACK, READY];
    const { status, out } = await failed({ status: 'UPDATE_ROLLBACK_COMPLETE', events });
    expect([status, rows(out).slice(3)]).toEqual([
      1,
      [
        ['image', '0', `back to ${OLD} (UPDATE_ROLLBACK_COMPLETE)`],
        [
          'state',
          '0',
          'of the last backup before: the new OpenClaw never served, and what it wrote is set aside at most',
        ],
      ],
    ]);
    expect([await stored('restore.json'), await parameter(UPGRADE)]).toEqual([undefined, undefined]);
  });

  test('says so where the former tag has moved meanwhile', async () => {
    const moved = `sha256:${'b'.repeat(64)}`;
    deployment.answers = {
      GetParameter: ({ body }) =>
        body.includes(IMAGE) && deployment.actions.includes(CDK)
          ? json({ Parameter: { Value: JSON.stringify({ reference: OLD, digest: moved }) } })
          : undefined,
    };
    const { said } = await failed({ status: 'UPDATE_ROLLBACK_COMPLETE', events: [STARTED, GOES_BACK] });
    expect(said).toContain(`to have that one: npx openclaw-spot deploy -c image=${OLD}@${DIGEST}`);
  });

  test('after the new one had served, asks for the snapshot where the former cannot come back', async () => {
    const { out, said } = await failed({ status: 'UPDATE_ROLLBACK_FAILED', events: [STARTED, READY, GOES_BACK] });
    expect(rows(out).slice(3)).toEqual([
      ['image', '0', 'not back yet: the stack is in UPDATE_ROLLBACK_FAILED'],
      ['state', '0', `the new OpenClaw had served: the next boot restores snapshot ${SNAPSHOT}`],
    ]);
    expect(JSON.parse((await stored('restore.json')) ?? '')).toEqual({ snapshot: SNAPSHOT });
    expect(said.join('\n')).toContain('continue-update-rollback');
    expect(await parameter(UPGRADE)).toEqual(RECORD);
  });

  test('asks for nothing older than the last backup where the new one never served', async () => {
    await failed({ status: 'UPDATE_ROLLBACK_FAILED', events: [STARTED, GOES_BACK, READY] });
    expect(await stored('restore.json')).toBeUndefined();
  });

  test('shows what was done where AWS cannot be asked then', async () => {
    deployment.answers = {
      DescribeStackEvents: {
        status: 403,
        body: '<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>',
      },
    };
    const { status, out } = await failed({ status: 'UPDATE_ROLLBACK_COMPLETE' });
    expect([status, rows(out).at(-1)?.join(' ')]).toEqual([
      1,
      expect.stringContaining('outcome 0 not known: not allowed'),
    ]);
  });
});

describe('rollback', () => {
  const deployed = { told: { az: AZ, image: NEW } };
  beforeEach(async () => {
    await setParameter(UPGRADE, { ...RECORD, time: '2026-11-27T12:00:00Z' });
    await setParameter(IMAGE, { reference: NEW, digest: `sha256:${'c'.repeat(64)}` });
  });

  test('asks for the snapshot, then deploys the former image by its digest', async () => {
    const { status, cdk, out } = await run(['rollback', '--yes'], deployed);
    expect([status, cdk]).toEqual([
      0,
      ['deploy', '-c', `az=${AZ}`, '-c', `image=${OLD}`, '--require-approval', 'never'],
    ]);
    expect(JSON.parse((await stored('restore.json')) ?? '')).toEqual({ snapshot: SNAPSHOT });
    expect(await parameter(IMAGE)).toEqual(RECORD.from);
    expect(await parameter(UPGRADE)).toBeUndefined();
    expect([orderOf('PutParameter'), orderOf(`PUT /${BUCKET}/restore.json?x-id=PutObject`)]).toEqual([
      'before',
      'before',
    ]);
    expect(rows(out).map(([step]) => step)).toEqual(['state', 'image', 'deploy']);
  });

  test('of a deployment that is paused does not say that a machine is ready', async () => {
    deployment.answers = { DescribeAutoScalingGroups: pausedGroup('2026-11-27T13:00:00Z') };
    const { status, out } = await run(['rollback', '--yes'], deployed);
    expect([status, rows(out).at(-1)?.slice(2).join(' ')]).toEqual([0, 'paused still: `resume` boots it']);
  });

  test.each([
    ['y', 0],
    ['n', 1],
  ])('says what is lost, and takes %j', async (answer, expected) => {
    const { status, said, cdk } = await run(['rollback'], deployed, {}, answer);
    expect([status, cdk === undefined]).toEqual([expected, expected === 1]);
    expect(said.join('\n')).toContain('What was written in the 2 h 0 min since is lost to it');
  });

  test('is refused without a terminal', async () => {
    const { status, cdk } = await run(['rollback'], deployed);
    expect([status, cdk, await stored('restore.json')]).toEqual([2, undefined, undefined]);
  });

  test('takes its request back where the deploy never began', async () => {
    const before = await parameter(IMAGE);
    const { status } = await run(['rollback', '--yes'], { ...deployed, begins: false }, { CDK_ENDS: '1' });
    expect([status, await stored('restore.json'), await parameter(IMAGE)]).toEqual([1, undefined, before]);
    expect(await parameter(UPGRADE)).toBeDefined();
  });

  test.each([
    [
      'nothing is recorded',
      () => ssm.deleteParameter({ Name: UPGRADE }),
      deployed,
      'no upgrade of openclaw-dev is recorded',
    ],
    ['the former image is deployed', () => Promise.resolve(), {}, 'nothing to roll back'],
    [
      'the snapshot is gone',
      () => s3.deleteObject({ Bucket: BUCKET, Key: `snapshots/snapshots/${SNAPSHOT}` }),
      deployed,
      'is no longer in',
    ],
    [
      'another restore is asked for',
      () => put('restore.json', '{"snapshot":"abc"}'),
      deployed,
      'restore-at-boot --cancel',
    ],
    ['there are no backups', () => Promise.resolve(), { told: { image: NEW, backup: 'off' } }, 'has no backups'],
  ])('is refused where %s', async (_, arrange: () => Promise<unknown>, stack, words) => {
    await arrange();
    const { status, said, cdk } = await run(['rollback', '--yes'], stack);
    expect([status, said.join(), cdk]).toEqual([1, expect.stringContaining(words), undefined]);
  });

  test.each([
    ['no JSON', 'it is not JSON'],
    ['[]', 'from.reference must be an image'],
    [JSON.stringify({ ...RECORD, more: 1 }), 'unknown field more'],
    [JSON.stringify({ ...RECORD, from: { reference: OLD, digest: 'sha256:1' } }), 'from.digest must be'],
    [JSON.stringify({ ...RECORD, to: 'Not An Image' }), 'to must be an image'],
    [JSON.stringify({ ...RECORD, snapshot: 'with blank' }), 'snapshot must be an id'],
    [JSON.stringify({ ...RECORD, time: '2026-13-27T14:00:00Z' }), 'time must be'],
  ])('believes no record like %s', async (Value, words) => {
    await ssm.putParameter({ Name: UPGRADE, Value, Type: 'String', Overwrite: true });
    const { status, said, cdk } = await run(['rollback', '--yes'], deployed);
    expect([status, said.join(), cdk]).toEqual([1, expect.stringContaining(words), undefined]);
  });
});
