import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUCKET, json, MACHINE, NO_GROUP, useDeployment } from './support/deployment-on-loopback';
import type { Answer } from './support/local-servers';

jest.setTimeout(60_000);

const deployment = useDeployment();
const NOW = new Date('2026-11-23T20:00:00Z');
const ok = (body: string): Answer => ({ status: 200, body });
const policy = (...conditions: object[]) =>
  json({ Statement: conditions.map((Condition) => ({ Effect: 'Deny', Principal: '*', Condition })) });
const TLS = { Bool: { 'aws:SecureTransport': 'false' } };
const MANIFEST = 'mirror/manifests/00000003-00000007_20261123T194500Z_7_1_i-0aa_v_img_0a1b2c3d.jsonl.gz';
const closed = (restrict: boolean) =>
  ok(
    `<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>${restrict}</RestrictPublicBuckets></PublicAccessBlockConfiguration>`,
  );
const AT = Date.parse('2026-11-23T19:59:00Z');

/** A deployment that does as it should. */
const WELL: Record<string, Answer> = {
  GetMetricData: json({ MetricDataResults: [{ Id: 'm0', Values: [1], Timestamps: [AT / 1000] }] }),
  DescribeAlarms: json({ MetricAlarms: [] }),
  DescribeInstances: ok('<DescribeInstancesResponse/>'),
  GetParameter: json({ Parameter: { Value: '{}' } }),
  DescribeLogStreams: json({ logStreams: [{ logStreamName: MACHINE, lastEventTimestamp: AT }] }),
  [`HEAD /${BUCKET}/`]: ok(''),
  [`GET /${BUCKET}/?versioning=`]: ok('<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>'),
  [`GET /${BUCKET}/?publicAccessBlock=`]: closed(true),
  [`GET /${BUCKET}/?policy=`]: policy({ StringEquals: {} }, TLS),
  [`GET /${BUCKET}/?list-type=2&prefix=snapshots%2Fsnapshots%2F`]: ok('<ListBucketResult/>'),
  [`GET /${BUCKET}/?list-type=2&prefix=mirror%2Fmanifests%2F`]: ok(
    `<ListBucketResult><Contents><Key>${MANIFEST}</Key><LastModified>2026-11-23T19:45:00Z</LastModified><Size>1</Size></Contents></ListBucketResult>`,
  ),
  [`GET /${BUCKET}/lease.json?x-id=GetObject`]: { status: 404, body: '' },
  [`GET /${BUCKET}/stopped.json?x-id=GetObject`]: { status: 404, body: '' },
};

/** The machine's programs, each a line of bash, before those of this computer. */
function machine(programs: Record<string, string> = {}): Record<string, string> {
  const directory = join(deployment.directory, 'machine');
  mkdirSync(directory, { recursive: true });
  const usual = { id: 'echo 0', systemctl: 'echo active', 'openclaw-state': 'echo "$1 is done"' };
  for (const [name, line] of Object.entries({ ...usual, ...programs })) {
    writeFileSync(join(directory, name), `#!/bin/bash\n${line}\n`, { mode: 0o755 });
  }
  return { PATH: `${directory}:${deployment.env().PATH ?? ''}` };
}

async function verify(answers: Record<string, Answer> = {}, programs: Record<string, string> = {}) {
  deployment.answers = { ...WELL, ...answers };
  const { status, out } = await deployment.run(['verify', '--json'], machine(programs), { now: () => NOW });
  return { status, rows: JSON.parse(out) as { check: string; expected: string; seen: string; holds: boolean }[] };
}

describe('verify', () => {
  test('sees all that only AWS can show, up to the boot of a machine', async () => {
    const { rows } = await verify();
    expect(rows.slice(0, -1).map(({ check, seen, holds }) => [check, seen, holds])).toEqual([
      ['machine', MACHINE, true],
      ['session', '0', true],
      ['OpenClaw', 'active', true],
      ['metrics', 'ready', true],
      ['logs', `${MACHINE}, last at 2026-11-23 19:59:00 UTC`, true],
      ['bucket', 'Enabled', true],
      ['bucket', 'closed', true],
      ['bucket', 'plain HTTP is denied', true],
      ['backup', 'status 0: backup is done', true],
      ['backup', '00000003-00000007_202611 of 2026-11-23 19:45:00 UTC, mirror', true],
      ['drill', 'status 0: drill is done', true],
    ]);
    // The machine's own program is not on this computer.
    expect(rows.at(-1)).toMatchObject({ check: 'boot', holds: false });
  });

  test('is a table that ends with the first difference, and a status', async () => {
    deployment.answers = { ...WELL, [`GET /${BUCKET}/?versioning=`]: ok('<VersioningConfiguration/>') };
    const { status, out } = await deployment.run(['verify'], machine(), { now: () => NOW });
    expect(status).toBe(1);
    const lines = out.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^CHECK +EXPECTED +SEEN$/);
    expect(lines.at(-1)).toMatch(/^bucket +versioned +NOT: never versioned$/);
  });

  test.each<[string, Record<string, Answer>, Record<string, string>, string, string]>([
    ['a group without a machine', { DescribeAutoScalingGroups: NO_GROUP }, {}, 'machine', 'openclaw-dev'],
    ['a session of another user', {}, { id: 'echo 1000' }, 'session', '1000'],
    ['an OpenClaw that is down', {}, { systemctl: 'echo failed; exit 3' }, 'OpenClaw', 'failed'],
    ['silence', { GetMetricData: json({ MetricDataResults: [] }) }, {}, 'metrics', 'nothing was said'],
    ['an agent that sends nothing', { DescribeLogStreams: json({ logStreams: [] }) }, {}, 'logs', 'no stream of'],
    [
      'a group of logs that is not there',
      { DescribeLogStreams: json({ __type: 'ResourceNotFoundException', message: 'no such group' }, 400) },
      {},
      'logs',
      'no such group',
    ],
    [
      'an open bucket',
      { [`GET /${BUCKET}/?publicAccessBlock=`]: closed(false) },
      {},
      'bucket',
      'RestrictPublicBuckets',
    ],
    [
      'plain HTTP',
      { [`GET /${BUCKET}/?policy=`]: policy({ Bool: {} }) },
      {},
      'bucket',
      'no statement denies plain HTTP',
    ],
    ['a backup that fails', {}, { 'openclaw-state': 'echo no; exit 78' }, 'backup', 'status 78: no'],
    [
      'a drill that fails',
      {},
      { 'openclaw-state': '[[ $1 == backup ]] || { echo damaged; exit 1; }' },
      'drill',
      'status 1: damaged',
    ],
  ])('stops at %s', async (_, answers, programs, check, seen) => {
    const { status, rows } = await verify(answers, programs);
    expect(status).toBe(1);
    expect(rows.at(-1)).toMatchObject({ check, holds: false });
    expect(rows.at(-1)?.seen).toContain(seen);
    expect(rows.slice(0, -1).every(({ holds }) => holds)).toBe(true);
  });

  test('a deployment without backups has no bucket to look at', async () => {
    const { rows } = await verify({ [`HEAD /${BUCKET}/`]: { status: 404, body: '' } });
    expect(rows.filter(({ seen }) => seen === 'there is none (backup=off)')).toHaveLength(5);
  });
});
