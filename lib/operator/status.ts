import type { AutoScalingGroup } from '@aws-sdk/client-auto-scaling';
import { AwsCallError } from './aws/calls';
import { explain } from './aws/explain';
import { listBackups, type Backup } from './state/backups';
import { findBucket, readObject, type StateBucket } from './state/bucket';
import type { Deployment } from './deployment';
import { findGroup, inService, noSuchDeployment, pausedSince, whyNone, type Machine } from './machine';

/** What stands in lease.json: who may write. */
export interface Lease {
  readonly generation: number;
  readonly instance: string;
  readonly state: 'held' | 'released' | 'ending';
}

export interface Status {
  readonly group: string;
  readonly region: string;
  /** The machine in service, or why there is none. */
  readonly machine: (Machine & { readonly upSince?: Date | undefined; readonly market?: string | undefined }) | string;
  /** Since when the group is to have no machine, as ISO 8601 where that is known; undefined where it is to have one. */
  readonly paused: string | undefined;
  /** What the machine last said of itself, within a quarter of an hour and since its launch. */
  readonly ready: boolean | undefined;
  readonly memoryPercent: number | undefined;
  readonly diskPercent: number | undefined;
  /** The newest that was not set aside. */
  readonly lastBackup: Backup | undefined;
  readonly lease: Lease | undefined;
  /** Since when OpenClaw is stopped by hand, as ISO 8601 where that is known; undefined where it is to run. */
  readonly stoppedByHand: string | undefined;
  /** Those in ALARM: name and reason. */
  readonly alarms: readonly { readonly name: string; readonly reason: string }[];
  readonly image: { readonly reference: string; readonly digest: string } | undefined;
  /** What could not be asked, a line each. */
  readonly notes: readonly string[];
}

const LOOK_BACK_MS = 15 * 60_000;

/**
 * Asks AWS for everything that the status holds. A part that cannot be asked is a note, not a failure.
 * @throws Failure where there is no such deployment, AwsCallError where not even that can be asked
 */
export async function readStatus(deployment: Deployment, now: Date): Promise<Status> {
  const notes: string[] = [];
  const part = async <T>(ask: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof AwsCallError)) throw error;
      notes.push(explain(error));
      return undefined;
    }
  };
  const group = await findGroup(deployment);
  if (!group) throw noSuchDeployment(deployment);
  const [machine, metrics, stored, alarms, image] = await Promise.all([
    part(() => machineOf(deployment, group)),
    part(() => metricsOf(deployment, now)),
    part(() => storedOf(deployment)),
    part(() => alarmsOf(deployment)),
    part(() => imageOf(deployment)),
  ]);
  const launched = (typeof machine === 'object' ? machine.upSince?.getTime() : undefined) ?? 0;
  // Of an older time is what the machine before has said.
  const [served, heartbeat, memoryPercent, diskPercent] = (metrics ?? []).map((said) =>
    said && said.at >= launched ? said.value : undefined,
  );
  const ready = served ?? heartbeat;
  return {
    group: deployment.group,
    region: deployment.region,
    machine: machine ?? inService(group) ?? whyNone(group),
    paused: pausedSince(group),
    ready: ready === undefined ? undefined : ready >= 1,
    memoryPercent,
    diskPercent,
    lastBackup: stored?.backups.filter(({ setAside }) => !setAside).at(-1),
    lease: stored?.lease,
    stoppedByHand: stored?.stopped,
    alarms: alarms ?? [],
    image,
    notes: [...new Set(notes)],
  };
}

async function machineOf({ aws }: Deployment, group: AutoScalingGroup): Promise<Status['machine']> {
  const machine = inService(group);
  if (!machine) return whyNone(group);
  const { Reservations: found } = await aws.ec2('DescribeInstances', (ec2) =>
    ec2.describeInstances({ InstanceIds: [machine.id] }),
  );
  const { LaunchTime, InstanceLifecycle } = found?.[0]?.Instances?.[0] ?? {};
  return { ...machine, upSince: LaunchTime, market: InstanceLifecycle ?? 'on-demand' };
}

interface Said {
  readonly value: number;
  /** Beginning of the minute, in ms since 1970. */
  readonly at: number;
}

/** The newest value of each: ready, heartbeat, memory and disk in use in %. */
async function metricsOf({ aws, group, metricNamespace }: Deployment, now: Date): Promise<(Said | undefined)[]> {
  const ofGroup = [{ Name: 'AutoScalingGroupName', Value: group }];
  const wanted = [
    { MetricName: 'ServiceReady', Dimensions: [] },
    // With observability=lean the only word of it.
    { MetricName: 'Heartbeat', Dimensions: [] },
    { MetricName: 'mem_used_percent', Dimensions: ofGroup },
    { MetricName: 'disk_used_percent', Dimensions: ofGroup },
  ];
  const { MetricDataResults: results } = await aws.cloudWatch('GetMetricData', (cloudWatch) =>
    cloudWatch.getMetricData({
      StartTime: new Date(now.getTime() - LOOK_BACK_MS),
      EndTime: now,
      ScanBy: 'TimestampDescending',
      MetricDataQueries: wanted.map((metric, index) => ({
        Id: `m${index}`,
        MetricStat: { Metric: { Namespace: metricNamespace, ...metric }, Period: 60, Stat: 'Maximum' },
      })),
    }),
  );
  return wanted.map((_, index) => {
    const { Values: [value] = [], Timestamps: [at] = [] } = results?.find(({ Id }) => Id === `m${index}`) ?? {};
    return value === undefined || at === undefined ? undefined : { value, at: at.getTime() };
  });
}

/** What the bucket says. */
interface Stored {
  readonly backups: readonly Backup[];
  readonly lease: Lease | undefined;
  readonly stopped: string | undefined;
}

async function storedOf(deployment: Deployment): Promise<Stored> {
  const bucket = await findBucket(deployment);
  if (!bucket) return { backups: [], lease: undefined, stopped: undefined };
  const [backups, lease, stopped] = await Promise.all([
    listBackups(deployment, bucket),
    readObject(deployment, bucket, 'lease.json'),
    stoppedSince(deployment, bucket),
  ]);
  return {
    backups,
    lease: lease === undefined ? undefined : readLease(lease),
    stopped,
  };
}

/** Since when OpenClaw is stopped by hand, as ISO 8601 where that is known; undefined where it is to run. */
export async function stoppedSince(deployment: Deployment, bucket: StateBucket): Promise<string | undefined> {
  const text = await readObject(deployment, bucket, 'stopped.json');
  return text === undefined ? undefined : readStopped(text);
}

/** As {@link readLease}. */
function readStopped(text: string): string | undefined {
  try {
    const { stopped, at } = JSON.parse(text) as Record<string, unknown>;
    if (stopped !== true) return undefined;
    return typeof at === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(at) ? at : '';
  } catch {
    return undefined;
  }
}

/** Whatever lies in the bucket: what is not a lease is none. */
function readLease(text: string): Lease | undefined {
  try {
    const { generation, instance, released, ending } = JSON.parse(text) as Record<string, unknown>;
    if (typeof generation !== 'number' || typeof instance !== 'string') return undefined;
    return { generation, instance, state: released ? 'released' : ending ? 'ending' : 'held' };
  } catch {
    return undefined;
  }
}

async function alarmsOf({ aws, group }: Deployment): Promise<{ name: string; reason: string }[]> {
  const found: { name: string; reason: string }[] = [];
  let NextToken: string | undefined;
  do {
    // The names that CloudFormation makes of the logical ids; another deployment's name can begin with this one's.
    const page = await aws.cloudWatch('DescribeAlarms', (cloudWatch) =>
      cloudWatch.describeAlarms({ AlarmNamePrefix: `${group}-ObservabilityAlarms`, StateValue: 'ALARM', NextToken }),
    );
    for (const { AlarmName = '', AlarmDescription = '' } of page.MetricAlarms ?? []) {
      found.push({ name: AlarmName, reason: AlarmDescription });
    }
    NextToken = page.NextToken;
  } while (NextToken);
  return found;
}

/** The image that every replacement runs, as the first boot recorded it. */
export async function imageOf({ aws, path }: Deployment): Promise<Status['image']> {
  try {
    const { Parameter } = await aws.ssm('GetParameter', (ssm) => ssm.getParameter({ Name: `${path}/image` }));
    const { reference, digest } = JSON.parse(Parameter?.Value ?? '{}') as Record<string, unknown>;
    return typeof reference === 'string' && typeof digest === 'string' ? { reference, digest } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || (error instanceof AwsCallError && error.code === 'ParameterNotFound'))
      return undefined;
    throw error;
  }
}
