import { AwsCallError } from './aws/calls';
import { explain } from './aws/explain';
import type { Deployment } from './deployment';
import { EXIT, Failure } from './errors';
import { findMachine } from './machine';
import { runOnMachine } from './session/session';
import { findBucket, type StateBucket } from './state/bucket';
import { listBackups } from './state/backups';
import { readStatus } from './status';
import { harmless, utc } from './terminal/text';
import type { World } from './world';

/** One check of a deployment on AWS: what was to be seen, and what was. */
export interface Row {
  readonly check: string;
  readonly expected: string;
  readonly seen: string;
  readonly holds: boolean;
}

type Seen = readonly [holds: boolean, seen: string];
type Check = readonly [check: string, expected: string, look: () => Promise<Seen>];

/**
 * Looks at what only AWS can show, one thing after the other.
 * @param told - is called with each row as it is there
 * @returns the rows, of which the last is the first that differs
 */
export async function verify(deployment: Deployment, world: World, told: (row: Row) => void): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [check, expected, look] of checks(deployment, world)) {
    const [holds, seen] = await looked(look);
    const row = { check, expected, seen: harmless(seen), holds };
    rows.push(row);
    told(row);
    if (!holds) break;
  }
  return rows;
}

async function looked(look: () => Promise<Seen>): Promise<Seen> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof AwsCallError) return [false, explain(error)];
    if (error instanceof Failure && error.status !== EXIT.usage) return [false, error.lines.join('; ')];
    throw error;
  }
}

function checks(deployment: Deployment, world: World): Check[] {
  const onMachine = async (...words: string[]) => {
    const { id } = await findMachine(deployment);
    return runOnMachine(deployment, world, id, words, () => undefined);
  };
  const ends =
    (...words: string[]) =>
    async (): Promise<Seen> => {
      const { status, output } = await onMachine(...words);
      return [status === 0, `status ${status}: ${lastLine(output)}`];
    };
  const bucket = (look: (found: StateBucket) => Promise<Seen>) => async (): Promise<Seen> => {
    const found = await findBucket(deployment);
    return found ? look(found) : [true, 'there is none (backup=off)'];
  };
  return [
    ['machine', 'one in service', async () => [true, (await findMachine(deployment)).id]],
    ['session', 'a command runs as root', async () => saw((await onMachine('id', '-u')).output, '0')],
    [
      'OpenClaw',
      'active',
      async () => saw((await onMachine('systemctl', 'is-active', 'openclaw.service')).output, 'active'),
    ],
    ['metrics', 'ready, within a quarter of an hour', () => ready(deployment, world)],
    ['logs', "a stream of the machine's in gateway", () => streams(deployment)],
    ['bucket', 'versioned', bucket((found) => versioned(deployment, found))],
    ['bucket', 'closed to the public', bucket((found) => closed(deployment, found))],
    ['bucket', 'TLS only', bucket((found) => tlsOnly(deployment, found))],
    ['backup', 'ends with status 0', ends('openclaw-state', 'backup')],
    ['backup', 'one that can be restored', bucket((found) => newest(deployment, found))],
    ['drill', 'ends with status 0', bucket(ends('openclaw-state', 'drill'))],
    ['boot', "the machine's last, by steps", ends('/usr/local/libexec/openclaw/boot-times')],
  ];
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.trim() ?? '';

const saw = (text: string, wanted: string): Seen => [lastLine(text) === wanted, lastLine(text) || 'nothing'];

async function ready(deployment: Deployment, world: World): Promise<Seen> {
  const { ready: said } = await readStatus(deployment, world.now());
  return [said === true, said === undefined ? 'nothing was said' : said ? 'ready' : 'not ready'];
}

/** By the agent, whose configuration and rights this shows. */
async function streams(deployment: Deployment): Promise<Seen> {
  const { id } = await findMachine(deployment);
  const { logStreams } = await deployment.aws.logs('DescribeLogStreams', (logs) =>
    logs.describeLogStreams({ logGroupName: `${deployment.path}/gateway`, logStreamNamePrefix: id }),
  );
  const last = Math.max(0, ...(logStreams ?? []).map(({ lastEventTimestamp }) => lastEventTimestamp ?? 0));
  return [last > 0, last > 0 ? `${id}, last at ${utc(new Date(last))} UTC` : `no stream of ${id} with an event`];
}

async function versioned({ aws }: Deployment, bucket: StateBucket): Promise<Seen> {
  const { Status } = await aws.s3('GetBucketVersioning', (s3) => s3.getBucketVersioning(bucket));
  return [Status === 'Enabled', Status ?? 'never versioned'];
}

async function closed({ aws }: Deployment, bucket: StateBucket): Promise<Seen> {
  const { PublicAccessBlockConfiguration: set } = await aws.s3('GetBucketPublicAccessBlock', (s3) =>
    s3.getPublicAccessBlock(bucket),
  );
  const open = (['BlockPublicAcls', 'IgnorePublicAcls', 'BlockPublicPolicy', 'RestrictPublicBuckets'] as const).filter(
    (name) => set?.[name] !== true,
  );
  return [open.length === 0, open.length === 0 ? 'closed' : `not set: ${open.join(', ')}`];
}

async function tlsOnly({ aws }: Deployment, bucket: StateBucket): Promise<Seen> {
  const { Policy } = await aws.s3('GetBucketPolicy', (s3) => s3.getBucketPolicy(bucket));
  const { Statement = [] } = JSON.parse(Policy ?? '{}') as { Statement?: Record<string, unknown>[] };
  const denies = Statement.some(
    ({ Effect, Condition }) =>
      Effect === 'Deny' && JSON.stringify(Condition ?? {}).includes('"aws:SecureTransport":"false"'),
  );
  return [denies, denies ? 'plain HTTP is denied' : 'no statement denies plain HTTP'];
}

/** Whatever its age: where nothing has changed since, a backup makes no other. */
async function newest(deployment: Deployment, bucket: StateBucket): Promise<Seen> {
  const last = (await listBackups(deployment, bucket)).filter(({ setAside }) => !setAside).at(-1);
  return [last !== undefined, last ? `${last.id.slice(0, 24)} of ${utc(last.time)} UTC, ${last.engine}` : 'none'];
}
