import type { aws_ec2 as ec2 } from 'aws-cdk-lib';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { ImageReference } from './image-reference';
import * as parse from './parsers';
import type { ScheduledTime } from './schedule';
import { KEYS, RECORDED, SETTINGS, type Key } from './settings';
import type { SettingsFile } from './settings-file';
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
  /**
   * When the machine goes and comes.
   * @default - it is always there
   */
  readonly schedule?: readonly ScheduledTime[];
  /**
   * IANA name of the schedule's time zone.
   * @default - UTC
   */
  readonly scheduleTimeZone?: string;
  readonly observability: Observability;
  readonly flowLogs: FlowLogs;
  readonly logRetention: RetentionDays;
  /**
   * Address subscribed to the alarms.
   * @default - nobody
   */
  readonly alarmEmail?: string;
  /**
   * Repository on GitHub whose pull requests may compare templates.
   * @default - none
   */
  readonly repository?: parse.Repository;
  /** Whether GitHub is made an identity provider of the account, or is one already. */
  readonly githubProvider: 'create' | 'existing';
  /** What of the deployment itself was given, as text by key: the settings without the defaults. */
  readonly given: Readonly<Record<string, string>>;
}

type ValueOf<K extends Key> = (typeof SETTINGS)[K]['kind'] extends parse.Kind<infer T> ? T : never;

/** Everything that is wrong with a configuration, one line for each fault. */
export class ConfigError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(faults.join('\n'));
    this.name = 'ConfigError';
  }
}

/**
 * Reads a deployment's configuration from CDK context: strings as `-c` gives them, or strings, numbers and booleans as
 * they stand in cdk.json. The CDK's own keys (`@aws-cdk/…`, look-ups) are left alone.
 *
 * @param file - the deployment's settings file: what the context says wins over it. @default - there is none
 * @throws ConfigError with all faults at once
 */
export function parseConfig(context: Readonly<Record<string, unknown>>, file?: SettingsFile): Config {
  const ofFile = Object.entries(file?.settings ?? {});
  const faults = [
    ...describeUnknownKeys(context, KEYS),
    ...describeUnknownKeys(file?.settings ?? {}, KEYS, false).map((fault) => `${file?.name ?? ''}: ${fault}`),
  ];
  if (file?.settings.stack !== undefined) {
    faults.push(`${file.name}: stack is the file's own name, got ${show(file.settings.stack)}: leave it out`);
  }
  const told = (key: string): unknown => context[key] ?? undefined;
  const given = Object.fromEntries(
    [...ofFile.filter(([, value]) => value !== null), ...Object.entries(context)].filter(
      ([key, value]) => isKey(key) && value !== null && value !== undefined,
    ),
  );

  function read<T>(key: Key, kind: parse.Kind<T>): T | undefined {
    const value = given[key] ?? fallbackOf(key);
    if (value === undefined) return undefined;
    const parsed = isScalar(value) ? kind.parse(String(value)) : undefined;
    const where = told(key) === undefined && given[key] !== undefined ? `${file?.name ?? ''}: ` : '';
    if (parsed === undefined) faults.push(`${where}${key} must be ${kind.allowed}, got ${show(value)}`);
    return parsed;
  }
  const of = <K extends Key>(key: K) => read(key, SETTINGS[key].kind as parse.Kind<ValueOf<K>>);

  const zone = of('az');
  if (given.az === undefined) {
    faults.unshift(`az is missing: it must be ${parse.availabilityZone.allowed}, as in -c az=me-central-1a`);
  }
  const config = {
    availabilityZone: zone?.name,
    region: zone?.region,
    stack: read('stack', parse.stackName(zone?.region)),
    instanceType: of('instanceType'),
    market: of('market'),
    maxPrice: of('maxPrice'),
    cpuCredits: of('cpuCredits'),
    rootVolumeSizeGib: of('rootVolumeSizeGib'),
    image: of('image'),
    backup: of('backup'),
    backupIntervalMinutes: of('backupIntervalMinutes'),
    backupKeepHourly: of('backupKeepHourly'),
    backupKeepDaily: of('backupKeepDaily'),
    backupKeepWeekly: of('backupKeepWeekly'),
    ami: of('ami'),
    autoApproveDevices: of('autoApproveDevices'),
    schedule: of('schedule'),
    scheduleTimeZone: of('scheduleTimeZone'),
    observability: of('observability'),
    flowLogs: of('flowLogs'),
    logRetention: of('logRetentionDays'),
    alarmEmail: of('alarmEmail'),
    repository: of('repository'),
    githubProvider: of('githubProvider'),
    given: Object.fromEntries(RECORDED.filter((key) => key in given).map((key) => [key, String(given[key])])),
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
  if (config.scheduleTimeZone !== undefined && given.schedule === undefined) {
    faults.push(
      `scheduleTimeZone is of schedule, got '${config.scheduleTimeZone}' without it: leave scheduleTimeZone out`,
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

function isKey(key: string): key is Key {
  return (KEYS as string[]).includes(key);
}

function fallbackOf(key: Key): string | undefined {
  const { fallback }: { fallback?: string; meaning: string } = SETTINGS[key];
  return fallback;
}

function isScalar(value: unknown): value is string | number | boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

function show(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : JSON.stringify(value);
}
