import { S3 } from '@aws-sdk/client-s3';
import { BUCKET, emptyLocalAws, LOCAL_AWS, REGION, useDeploymentOnLocalAws } from './support/deployment-on-loopback';

jest.setTimeout(120_000);

const KEYS = ['lease.json', 'mirror/workspace/a b.md', 'snapshots/data/00/1', 'snapshots/snapshots/1'];
const deployment = useDeploymentOnLocalAws();
const s3 = new S3(LOCAL_AWS);
beforeEach(async () => {
  await emptyLocalAws();
  await s3.createBucket({ Bucket: BUCKET, CreateBucketConfiguration: { LocationConstraint: REGION } });
  await s3.putBucketVersioning({ Bucket: BUCKET, VersioningConfiguration: { Status: 'Enabled' } });
  for (const Key of [...KEYS, 'aside/x', 'lease.json.old', 'mirror/kept'])
    await s3.putObject({ Bucket: BUCKET, Key, Body: Key });
  for (const Key of [...KEYS, 'aside/x', 'lease.json.old']) await s3.deleteObject({ Bucket: BUCKET, Key });
  // Deleted once, and there again.
  await s3.deleteObject({ Bucket: BUCKET, Key: 'mirror/kept' });
  await s3.putObject({ Bucket: BUCKET, Key: 'mirror/kept', Body: 'anew' });
});
afterAll(() => {
  s3.destroy();
});

const keys = async () => ((await s3.listObjectsV2({ Bucket: BUCKET })).Contents ?? []).map(({ Key }) => Key);
const PAST = '2020-01-01 00:00';
const FUTURE = '2999-01-01 00:00';

describe('undelete', () => {
  test('lists what was deleted, and changes nothing', async () => {
    const { status, out, said } = await deployment.run(['undelete']);
    expect([status, said]).toEqual([0, []]);
    const rows = out.split('\n').map((line) => line.split(/ {2,}/));
    expect(rows.slice(0, 4).map(([place, count]) => [place, count])).toEqual([
      ['BELOW', 'DELETED'],
      ['snapshots/', '2'],
      ['mirror/', '1'],
      ['lease.json', '1'],
    ]);
    expect(out).toContain(`Nothing was changed. To bring them back:  npx openclaw-spot undelete --since '…' --yes`);
    expect(await keys()).toEqual(['mirror/kept']);
  });

  test('brings back the state with --yes, and nothing else', async () => {
    const { status, out } = await deployment.run(['undelete', '--since', PAST, '--yes']);
    expect([status, out]).toEqual([0, expect.stringContaining(`4 objects are back in s3://${BUCKET}.`)]);
    expect(await keys()).toEqual([...KEYS, 'mirror/kept'].sort());
    const { Body } = await s3.getObject({ Bucket: BUCKET, Key: 'lease.json' });
    expect(await Body?.transformToString()).toBe('lease.json');
  });

  test("takes make's SINCE and YES, and leaves alone what was deleted before", async () => {
    const later = await deployment.run(['undelete', '--json'], { SINCE: FUTURE, YES: '1' });
    expect([later.status, JSON.parse(later.out)]).toEqual([0, { bucket: BUCKET, broughtBack: true, markers: [] }]);
    expect(await keys()).toEqual(['mirror/kept']);
    await deployment.run(['undelete'], { SINCE: PAST, YES: '1' });
    expect(await keys()).toHaveLength(5);
  });

  test('says what was not brought back', async () => {
    const body =
      '<DeleteResult><Error><Key>lease.json</Key><Code>AccessDenied</Code><Message>Access Denied</Message></Error></DeleteResult>';
    deployment.answers = { [`POST /${BUCKET}/?delete=`]: { status: 200, body } };
    const { status, said } = await deployment.run(['undelete', '--since', PAST, '--yes']);
    expect([status, said]).toEqual([
      1,
      [
        'error: 1 of 4 objects were not brought back, lease.json because of AccessDenied (Access Denied); 0 were before: it can be run again',
      ],
    ]);
  });

  test.each([
    [['--yes'], {}, '--yes needs --since, the time of the loss'],
    [[], { YES: '1' }, '--yes needs --since, the time of the loss'],
    [['--since', 'yesterday'], {}, "since must be a time in UTC like '2026-11-20 14:00', got 'yesterday'"],
  ])('%j with %j is refused', async (args, env, words) => {
    const { status, said } = await deployment.run(['undelete', ...args], env);
    expect([status, said]).toEqual([2, [expect.stringContaining(words)]]);
    expect(deployment.asked).toEqual([]);
  });
});
