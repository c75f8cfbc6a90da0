import type { aws_ec2 as ec2 } from 'aws-cdk-lib';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { ImageReference } from './image-reference';
import * as parse from './parsers';
import { describeUnknownKeys } from './unknown-keys';

export type Market = 'spot' | 'on-demand';
export type CpuCredits = 'standard' | 'unlimited';
/** Whether the machine tells of faults by itself, or by a metric and an alarm for each, with a dashboard. */
export type Observability = 'lean' | 'full';
/** Where the VPC's flow logs go: a log group, one of the infrequent-access class, the state bucket, or nowhere. */
export type FlowLogs = 'cloudwatch' | 'infrequent-access' | 's3' | 'off';
export type BackupMode = 'snapshots' | 'mirror' | 'off';

/** One deployment, as its context describes it. */
export interface Config {
  /** Availability zone that everything is pinned to, e.g. `me-central-1a`. */
  readonly availabilityZone: string;
  /** Region of that zone. */
  readonly region: string;
  /** Deployment name: part of the stack's, the bucket's and the parameters' names. */
  readonly stack: string;
  readonly instanceType: ec2.InstanceType;
  readonly market: Market;
  /**
   * Spot ceiling in USD per hour.
   * @default - the on-demand price
   */
  readonly maxPrice?: number;
  /**
   * Whether a burstable instance may use more CPU than it has credits for, at a price.
   * @default - the instance type is not burstable
   */
  readonly cpuCredits?: CpuCredits;
  readonly rootVolumeSizeGib: number;
  readonly image: ImageReference;
  readonly backup: BackupMode;
  readonly backupIntervalMinutes: number;
  /** Backups that stay: the last of each of so many newest hours, days and weeks. */
  readonly backupKeepHourly: number;
  readonly backupKeepDaily: number;
  readonly backupKeepWeekly: number;
  /**
   * AMI to pin.
   * @default - the latest Amazon Linux 2023 of the type's architecture, each time an instance is launched
   */
  readonly ami?: string;
  readonly autoApproveDevices: boolean;
  readonly observability: Observability;
  readonly flowLogs: FlowLogs;
  readonly logRetention: RetentionDays;
  /**
   * Address subscribed to the alarms.
   * @default - nobody
   */
  readonly alarmEmail?: string;
}

/** Everything that is wrong with a configuration, one line for each fault. */
export class ConfigError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(faults.join('\n'));
    this.name = 'ConfigError';
  }
}

const DEFAULTS = {
  stack: 'dev',
  instanceType: 't4g.small',
  market: 'spot',
  rootVolumeSizeGib: '15',
  image: 'ghcr.io/openclaw/openclaw:2026.9.6',
  backup: 'snapshots',
  backupIntervalMinutes: '20',
  backupKeepHourly: '24',
  backupKeepDaily: '7',
  backupKeepWeekly: '4',
  autoApproveDevices: 'false',
  observability: 'lean',
  flowLogs: 'cloudwatch',
  logRetentionDays: '14',
};

const KEYS = ['az', 'maxPrice', 'cpuCredits', 'ami', 'alarmEmail', ...Object.keys(DEFAULTS)];

/**
 * Reads a deployment's configuration from CDK context: strings as `-c` gives them, or strings, numbers and booleans as
 * they stand in cdk.json. The CDK's own keys (`@aws-cdk/…`, look-ups) are left alone.
 *
 * @throws ConfigError with all faults at once
 */
export function parseConfig(context: Readonly<Record<string, unknown>>): Config {
  const faults = describeUnknownKeys(context, KEYS);

  function read<T>(key: string, kind: parse.Kind<T>, fallback?: string): T | undefined {
    const value = context[key] ?? fallback;
    if (value === undefined) return undefined;
    const parsed = isScalar(value) ? kind.parse(String(value)) : undefined;
    if (parsed === undefined) faults.push(`${key} must be ${kind.allowed}, got ${show(value)}`);
    return parsed;
  }
  function readOrDefault<T>(key: keyof typeof DEFAULTS, kind: parse.Kind<T>): T | undefined {
    return read(key, kind, DEFAULTS[key]);
  }

  const zone = read('az', parse.availabilityZone);
  if ((context.az ?? undefined) === undefined) {
    faults.unshift(`az is missing: it must be ${parse.availabilityZone.allowed}, as in -c az=me-central-1a`);
  }
  const config = {
    availabilityZone: zone?.name,
    region: zone?.region,
    stack: readOrDefault('stack', parse.stackName(zone?.region)),
    instanceType: readOrDefault('instanceType', parse.instanceType),
    market: readOrDefault('market', parse.oneOf<Market>('spot', 'on-demand')),
    maxPrice: read('maxPrice', parse.spotPrice),
    cpuCredits: read('cpuCredits', parse.oneOf<CpuCredits>('standard', 'unlimited')),
    // 8 GiB is the size of Amazon Linux 2023's own snapshot, 16384 GiB the most a gp3 volume takes.
    rootVolumeSizeGib: readOrDefault('rootVolumeSizeGib', parse.wholeNumber(8, 16384, 'GiB')),
    image: readOrDefault('image', parse.image),
    backup: readOrDefault('backup', parse.oneOf<BackupMode>('snapshots', 'mirror', 'off')),
    backupIntervalMinutes: readOrDefault('backupIntervalMinutes', parse.wholeNumber(1, 1440, 'minutes')),
    // A week of hours, a quarter of days, two years of weeks: old versions are paid for as long as a backup may name them.
    backupKeepHourly: readOrDefault('backupKeepHourly', parse.wholeNumber(0, 168, 'backups')),
    backupKeepDaily: readOrDefault('backupKeepDaily', parse.wholeNumber(0, 90, 'backups')),
    backupKeepWeekly: readOrDefault('backupKeepWeekly', parse.wholeNumber(0, 104, 'backups')),
    ami: read('ami', parse.ami),
    autoApproveDevices: readOrDefault('autoApproveDevices', parse.trueOrFalse),
    observability: readOrDefault('observability', parse.oneOf<Observability>('lean', 'full')),
    flowLogs: readOrDefault('flowLogs', parse.oneOf<FlowLogs>('cloudwatch', 'infrequent-access', 's3', 'off')),
    logRetention: readOrDefault('logRetentionDays', parse.retentionDays),
    alarmEmail: read('alarmEmail', parse.email),
  };
  if (config.maxPrice !== undefined && config.market === 'on-demand') {
    faults.push(
      `maxPrice is a ceiling for market=spot, got '${config.maxPrice}' with market=on-demand: leave maxPrice out`,
    );
  }
  if (config.instanceType?.isBurstable() === true) {
    // Said even so: T3 and T4g launch as unlimited where nothing is said.
    config.cpuCredits ??= 'standard';
  } else if (config.cpuCredits !== undefined && config.instanceType !== undefined) {
    faults.push(
      `cpuCredits is for burstable types like t4g.small, got '${config.cpuCredits}' with ` +
        `instanceType=${config.instanceType.toString()}: leave cpuCredits out`,
    );
  }
  if (config.flowLogs === 's3' && config.backup === 'off') {
    faults.push(
      "flowLogs=s3 puts them into the state bucket, got 's3' with backup=off, which has none: choose another of flowLogs",
    );
  }
  if (config.backupKeepHourly === 0 && config.backupKeepDaily === 0 && config.backupKeepWeekly === 0) {
    faults.push(
      "backupKeepHourly, backupKeepDaily and backupKeepWeekly must not all be 0, got '0' for each: one must be 1 or more",
    );
  }

  if (faults.length > 0) throw new ConfigError(faults);
  // Every key without a value has put its fault into the list, and keys that may be absent are left out.
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined)) as unknown as Config;
}

function isScalar(value: unknown): value is string | number | boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

function show(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : JSON.stringify(value);
}
