import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { S3 } from '@aws-sdk/client-s3';
import { SSM } from '@aws-sdk/client-ssm';
import {
  BUCKET,
  emptyLocalAws,
  group,
  LOCAL_AWS,
  MACHINE,
  NO_GROUP,
  REGION,
  useDeploymentOnLocalAws,
} from './support/deployment-on-loopback';

jest.setTimeout(120_000);

const deployment = useDeploymentOnLocalAws();
const s3 = new S3(LOCAL_AWS);
const ssm = new SSM(LOCAL_AWS);
beforeEach(emptyLocalAws);
afterAll(() => {
  s3.destroy();
  ssm.destroy();
});

async function makeBucket(objects: Record<string, string> = {}): Promise<void> {
  await s3.createBucket({ Bucket: BUCKET, CreateBucketConfiguration: { LocationConstraint: REGION } });
  await s3.putBucketVersioning({ Bucket: BUCKET, VersioningConfiguration: { Status: 'Enabled' } });
  for (const [Key, Body] of Object.entries(objects)) await s3.putObject({ Bucket: BUCKET, Key, Body });
}

const stored = async (Key: string): Promise<string | undefined> =>
  s3
    .getObject({ Bucket: BUCKET, Key })
    .then(({ Body }) => Body?.transformToString())
    .catch(() => undefined);

describe('restore', () => {
  test.each([
    [['abc123'], {}, ['--', 'abc123']],
    [[], { SNAPSHOT: 'latest' }, ['--', 'latest']],
    [['--at', '2026-11-20 14:00'], { SNAPSHOT: 'ignored' }, ['--at', '2026-11-20 14:00']],
    [[], { SNAPSHOT: '', AT: '2026-11-20 14:00' }, ['--at', '2026-11-20 14:00']],
    [
      [],
      { SNAPSHOT: 'abc', PATHS: 'workspace/a.md workspace/`x`' },
      ['--paths', 'workspace/a.md', 'workspace/`x`', '--', 'abc'],
    ],
    [
      ['abc', '--path', 'workspace/my notes.md', '--path', "workspace/$(x) it's"],
      {},
      ['--paths', 'workspace/my notes.md', "workspace/$(x) it's", '--', 'abc'],
    ],
    [[], { SNAPSHOT: 'abc', PATHS: '["workspace/my notes.md"]' }, ['--paths', 'workspace/my notes.md', '--', 'abc']],
  ])('%j with %j asks the machine for %j', async (args, env, words) => {
    const { status, said } = await deployment.run(['restore', ...args], env);
    expect([status, said, deployment.words]).toEqual([0, [], ['restore', ...words]]);
  });

  test.each([
    [[], {}, 'or AT must be given'],
    [['abc', '--at', '2026-11-20 14:00'], {}, 'and not both'],
    [['abc', '--path', 'etc/passwd'], {}, "got 'etc/passwd'"],
  ])('%j with %j replaces no state that nobody named', async (args, env, words) => {
    const { status, said } = await deployment.run(['restore', ...args], env);
    expect([status, said.join()]).toEqual([2, expect.stringContaining(words)]);
    expect(deployment.asked).toEqual([]);
  });
});

describe('restore-at-boot', () => {
  test.each([
    [['abc123'], {}, { snapshot: 'abc123' }],
    [['latest'], {}, { snapshot: 'latest' }],
    [[], { AT: '2026-11-20 14:00' }, { at: '2026-11-20T14:00Z' }],
    [
      ['--at', '2026-11-20 14:00:30'],
      { PATHS: 'workspace/a.md workspace/`x`' },
      { at: '2026-11-20T14:00:30Z', paths: ['workspace/a.md', 'workspace/`x`'] },
    ],
  ])('%j with %j writes what the machine reads', async (args, env, request) => {
    await makeBucket();
    const { status, said } = await deployment.run(['restore-at-boot', ...args], env);
    expect([status, said]).toEqual([0, []]);
    expect(JSON.parse((await stored('restore.json')) ?? '')).toEqual(request);
  });

  test('says what will happen and how to take it back, and takes it back', async () => {
    await makeBucket();
    const { out } = await deployment.run(['restore-at-boot', 'abc123', '--path', 'workspace/a.md']);
    expect(out).toContain('The next boot of openclaw-dev restores workspace/a.md from snapshot abc123, once.');
    expect(out).toContain(`npx openclaw-spot restore-at-boot --cancel --region ${REGION}`);
    expect((await deployment.run(['restore-at-boot', '--cancel'])).status).toBe(0);
    expect(await stored('restore.json')).toBeUndefined();
  });

  test.each([
    [[], {}, 2, 'or AT must be given'],
    [['abc'], { REGION: '' }, 2, "REGION must be the deployment's region"],
    [['--cancel', 'abc'], {}, 2, "--cancel takes no snapshot, got 'abc'"],
    [['abc'], { STACK: 'lab' }, 3, `there is no state bucket ${BUCKET.replace('dev', 'lab')}`],
  ])('%j with %j asks for nothing that cannot be meant', async (args, env, code, words) => {
    await makeBucket();
    const { status, out, said } = await deployment.run(['restore-at-boot', ...args], env);
    expect([status, out, said.join()]).toEqual([code, '', expect.stringContaining(words)]);
    expect(await stored('restore.json')).toBeUndefined();
  });
});

describe('adopt', () => {
  const NAME = "-ann's `x` $(x).tar.gz";
  function archive(): string {
    mkdirSync(join(deployment.directory, 'of ann'), { recursive: true });
    const path = join(deployment.directory, 'of ann', NAME);
    writeFileSync(path, 'an archive');
    return path;
  }

  test.each(['argument', 'environment'])('uploads what the %s names, and has the machine adopt it', async (where) => {
    await makeBucket();
    const path = archive();
    const given = where === 'argument' ? deployment.run(['adopt', path]) : deployment.run(['adopt'], { ARCHIVE: path });
    const { status, said } = await given;
    expect([status, said]).toEqual([0, [`uploading ${path} (10 B) to s3://${BUCKET}/adopt/${NAME}`]]);
    expect(await stored(`adopt/${NAME}`)).toBe('an archive');
    expect(deployment.words).toEqual(['adopt', '--', NAME]);
  });

  test.each([[[]], [['']], [['/no/such/file']], [['/']]])('%j is not a file', async (args) => {
    const { status, said } = await deployment.run(['adopt', ...args]);
    expect([status, said]).toEqual([
      2,
      [`error: ARCHIVE must be a file made by 'openclaw backup create', got '${args[0] ?? ''}'`],
    ]);
    expect(deployment.asked).toEqual([]);
  });

  test('uploads nothing where no machine would take it', async () => {
    await makeBucket();
    const path = archive();
    for (const answer of [NO_GROUP, group([MACHINE, 'Terminating:Wait'])]) {
      deployment.answers = { DescribeAutoScalingGroups: answer };
      expect((await deployment.run(['adopt', path])).status).toBe(3);
    }
    const { KeyCount } = await s3.listObjectsV2({ Bucket: BUCKET });
    expect(KeyCount).toBe(0);
  });

  test('asks the machine for nothing that is not there', async () => {
    const { status } = await deployment.run(['adopt', archive()]);
    expect([status, deployment.told]).toEqual([3, undefined]);
  });
});

describe('snapshots', () => {
  const ID = '5f'.repeat(32);
  const MANIFEST =
    '00000002-00000031_20261120T140003Z_76_1048576_i-0aa_2026.9.6_ghcr.io%2Fopenclaw%2Fopenclaw:2026.9.6_0a1b2c3d';
  const OBJECTS = {
    [`snapshots/snapshots/${ID}`]: 'x',
    'snapshots/config': 'x',
    'snapshots/snapshots/not-an-id': 'x',
    [`mirror/manifests/${MANIFEST}.jsonl.gz`]: 'x',
    [`mirror/manifests/${MANIFEST.replace('31', '32')}-refused.jsonl.gz`]: 'x',
    // Numbers that have outgrown their eight digits, and a state that was offered again.
    [`mirror/manifests/${MANIFEST.replace('00000031', '100000033')}-refused2.jsonl.gz`]: 'x',
    'mirror/manifests/other.jsonl.gz': 'x',
  };
  const TABLE =
    'ID        TIME (UTC)           SIZE     FILES  GEN  IMAGE  ENGINE\\n5f5f5f5f  2026-11-20 14:00:03  1.0 MiB  76     2.31  -  snapshots (set aside)\\n';

  test('are what the machine says, as it says it', async () => {
    const { status, out } = await deployment.run(['snapshots'], { ANSWER: TABLE });
    expect([status, out]).toEqual([0, TABLE.replaceAll('\\n', '\n')]);
  });

  test('are read into values with --json', async () => {
    const { out } = await deployment.run(['snapshots', '--json'], { ANSWER: TABLE });
    expect(JSON.parse(out)).toEqual({
      source: MACHINE,
      snapshots: [
        {
          id: '5f5f5f5f',
          time: '2026-11-20 14:00:03',
          size: '1.0 MiB',
          files: '76',
          gen: '2.31',
          image: '-',
          engine: 'snapshots (set aside)',
        },
      ],
    });
  });

  test.each([
    [['snapshots'], NO_GROUP, ['no machine of openclaw-dev is in service: this is what the state bucket says']],
    [['snapshots', '--bucket'], group([MACHINE, 'InService']), []],
  ])('by %j are what the bucket says', async (args, answer, notes) => {
    await makeBucket(OBJECTS);
    deployment.answers = { DescribeAutoScalingGroups: answer };
    const { status, out, said } = await deployment.run(args);
    expect([status, said]).toEqual([0, notes]);
    const rows = out
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/));
    expect(rows[0]).toEqual(['ID', 'TIME (UTC)', 'SIZE', 'FILES', 'GEN', 'IMAGE', 'ENGINE']);
    expect(rows[1]).toEqual([MANIFEST, '2026-11-20 14:00:03', '1.0 MiB', '76', '2.31', 'openclaw:2026.9.6', 'mirror']);
    expect(rows[2]?.slice(4)).toEqual(['2.32', 'openclaw:2026.9.6', 'mirror (set aside)']);
    expect(rows[3]?.slice(4)).toEqual(['2.100000033', 'openclaw:2026.9.6', 'mirror (set aside)']);
    expect([rows[4]?.[0], rows[4]?.[6], rows.length]).toEqual(['5f5f5f5f', 'snapshots', 5]);
    expect(deployment.told).toBeUndefined();
  });

  test('of an empty bucket are none, and that is said', async () => {
    await makeBucket();
    const { status, out, said } = await deployment.run(['snapshots', '--bucket', '--json']);
    expect([status, JSON.parse(out), said]).toEqual([
      0,
      { source: `s3://${BUCKET}`, snapshots: [] },
      [`s3://${BUCKET} holds no backup yet`],
    ]);
  });
});

describe('what-stays', () => {
  const PARAMETERS = ['/openclaw/dev/env/OPENCLAW_GATEWAY_TOKEN', '/openclaw/dev/restic-password'];
  const makeParameters = async (names: string[]) => {
    for (const Name of names) await ssm.putParameter({ Name, Value: 'x', Type: 'SecureString' });
  };

  test('counts every version, says its cost, the way back and the way out', async () => {
    await makeBucket({ 'lease.json': 'one' });
    await s3.putObject({ Bucket: BUCKET, Key: 'lease.json', Body: 'two' });
    await makeParameters(PARAMETERS);
    const { status, out, said } = await deployment.run(['what-stays']);
    expect([status, said]).toEqual([0, []]);
    expect(out).toContain(
      `  bucket     ${BUCKET}, with its policy\n             2 object versions, 0 GiB: about 0.01 USD`,
    );
    for (const name of PARAMETERS) expect(out).toContain(name);
    expect(out).toContain(`CDK_IMPORT_EXISTING_RESOURCES=true npx cdk deploy -c az=${REGION}a -c stack=dev`);
    expect(out).toContain(`aws s3api delete-bucket --region ${REGION} --bucket ${BUCKET}`);
    expect(out).toContain(`aws ssm delete-parameters --region ${REGION} --names ${PARAMETERS.join(' ')}`);
  });

  test('of five GiB costs 0.13 USD', async () => {
    await makeBucket();
    const sizes = [4, 1].map((gib) => `<Version><Key>a</Key><Size>${gib * 2 ** 30}</Size></Version>`).join('');
    const body = `<?xml version="1.0"?><ListVersionsResult>${sizes}</ListVersionsResult>`;
    deployment.answers = { [`GET /${BUCKET}/?prefix=&versions=`]: { status: 200, body } };
    const { out } = await deployment.run(['what-stays']);
    expect(out).toContain('2 object versions, 5 GiB: about 0.13 USD a month');
  });

  test('removes no more than ten parameters in one call', async () => {
    const names = Array.from({ length: 23 }, (_, index) => `/openclaw/dev/env/KEY_${10 + index}`);
    await makeParameters(names);
    const { out } = await deployment.run(['what-stays']);
    const calls = out
      .split('\n')
      .filter((line) => line.includes('delete-parameters'))
      .map((line) => line.split(' --names ')[1]?.split(' '));
    expect(calls).toEqual([names.slice(0, 10), names.slice(10, 20), names.slice(20)]);
  });

  test('of a deployment that never was is nothing', async () => {
    const { status, out } = await deployment.run(['what-stays']);
    expect([status, out]).toEqual([
      0,
      `What stays of openclaw-dev in ${REGION}, on purpose:\n  no bucket\n  no parameters\n`,
    ]);
  });

  test('of an empty bucket costs nothing, as a value', async () => {
    await makeBucket();
    const { out } = await deployment.run(['what-stays', '--json']);
    expect(JSON.parse(out)).toEqual({
      region: REGION,
      bucket: { name: BUCKET, count: 0, gib: 0, usdPerMonth: 0 },
      parameters: [],
    });
  });

  test('does not call absent what may not be read', async () => {
    deployment.answers = { [`HEAD /${BUCKET}/`]: { status: 403, body: '' } };
    const { status, out, said } = await deployment.run(['what-stays']);
    expect([status, out, said]).toEqual([
      1,
      '',
      [`error: not allowed: s3:ListBucket in ${REGION}; allow this action to the user or role`],
    ]);
  });
});

describe('destroy', () => {
  test('wants a zone of its region, and somebody who says yes', async () => {
    const noZone = await deployment.run(['destroy', '--yes']);
    expect([noZone.status, noZone.said]).toEqual([
      2,
      [`error: az must be the deployment's zone in ${REGION}, like ${REGION}a, got nothing: give --az`],
    ]);
    const nobody = await deployment.run(['destroy', '--az', `${REGION}a`]);
    expect([nobody.status, nobody.said]).toEqual([2, ['error: destroy asks first; without a terminal give --yes']]);
    expect(deployment.asked).toEqual([]);
  });

  test.each([
    [0, 0],
    [1, 1],
  ])(
    'runs the CDK, and says what stays in the region of the zone where that ended with 0: %i',
    async (code, expected) => {
      const root = join(deployment.directory, `root-${code}`);
      const told = join(root, 'told');
      mkdirSync(join(root, 'node_modules', '.bin'), { recursive: true });
      writeFileSync(join(root, 'cdk.json'), '{}');
      const cdk = `#!/usr/bin/env bash\nprintf '%s\\n' "$@" >'${told}'\nexit ${code}\n`;
      writeFileSync(join(root, 'node_modules', '.bin', 'cdk'), cdk, { mode: 0o755 });
      const args = ['destroy', '--az', 'eu-west-1a', '--stack', 'lab', '-c', 'backup=off', '--yes'];
      const { status, out } = await deployment.run(args, { REGION: 'us-east-1', AWS_REGION: 'us-east-1' }, { root });
      expect(status).toBe(expected);
      expect(readFileSync(told, 'utf8').split('\n').slice(0, -1)).toEqual([
        ...['destroy', '-c', 'az=eu-west-1a', '-c', 'stack=lab', '-c', 'backup=off', '--force'],
      ]);
      expect(out.split('\n')[0]).toBe(code === 0 ? 'What stays of openclaw-lab in eu-west-1, on purpose:' : '');
      expect(new Set(deployment.asked.map(({ region }) => region))).toEqual(new Set(code === 0 ? ['eu-west-1'] : []));
    },
  );
});
