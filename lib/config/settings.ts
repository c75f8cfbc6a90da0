import * as parse from './parsers';

/** One key of a deployment's settings. */
interface Setting<T> {
  readonly kind: parse.Kind<T>;
  /** Its value where none is given. @default - there is none */
  readonly fallback?: string;
  /** What it means, in words for a person who looks it up in an editor. */
  readonly meaning: string;
}

const setting = <T, S extends Setting<T>>(made: S & Setting<T>): S => made;

/** Name of a deployment that is given none. */
export const DEFAULT_STACK = 'dev';

/** Every key, in the order of the documentation. */
export const SETTINGS = {
  az: setting({
    kind: parse.availabilityZone,
    meaning: 'Availability zone of everything; the region follows from it. Required.',
  }),
  stack: setting({
    kind: parse.stackName(undefined),
    fallback: DEFAULT_STACK,
    meaning: 'Deployment name: part of the names of stack, bucket and parameters.',
  }),
  instanceType: setting({
    kind: parse.instanceType,
    fallback: 't4g.small',
    meaning: 'EC2 instance type; it decides the CPU architecture too.',
  }),
  market: setting({
    kind: parse.oneOf('spot', 'on-demand'),
    fallback: 'spot',
    meaning: 'How the instance is bought.',
  }),
  maxPrice: setting({
    kind: parse.spotPrice,
    meaning: 'Ceiling for the spot price in USD per hour; the on-demand price where none is given.',
  }),
  cpuCredits: setting({
    kind: parse.oneOf('standard', 'unlimited'),
    meaning: 'Credit option of a burstable type (T4g, T3); unlimited can cost more. Standard where none is given.',
  }),
  rootVolumeSizeGib: setting({
    // 8 GiB is the size of Amazon Linux 2023's own snapshot, 16384 GiB the most a gp3 volume takes.
    kind: parse.wholeNumber(8, 16384, 'GiB'),
    fallback: '15',
    meaning: 'Size of the root volume in GiB.',
  }),
  image: setting({
    kind: parse.image,
    fallback: 'ghcr.io/openclaw/openclaw:2026.9.6',
    meaning: 'Container image of OpenClaw; one in ECR gets ECR login and pull rights on its repository.',
  }),
  backup: setting({
    kind: parse.oneOf('snapshots', 'mirror', 'off'),
    fallback: 'snapshots',
    meaning: 'How state is kept: snapshots (restic), mirror (plain objects) or off (no bucket).',
  }),
  backupIntervalMinutes: setting({
    kind: parse.wholeNumber(1, 1440, 'minutes'),
    fallback: '20',
    meaning: 'Minutes between two backups.',
  }),
  // A week of hours, a quarter of days, two years of weeks: old versions are paid for as long as a backup may name them.
  backupKeepHourly: setting({
    kind: parse.wholeNumber(0, 168, 'backups'),
    fallback: '24',
    meaning: 'Newest hours of which the last backup stays.',
  }),
  backupKeepDaily: setting({
    kind: parse.wholeNumber(0, 90, 'backups'),
    fallback: '7',
    meaning: 'Newest days of which the last backup stays.',
  }),
  backupKeepWeekly: setting({
    kind: parse.wholeNumber(0, 104, 'backups'),
    fallback: '4',
    meaning: 'Newest weeks of which the last backup stays.',
  }),
  ami: setting({
    kind: parse.ami,
    meaning: 'AMI to pin; the latest Amazon Linux 2023 at each launch where none is given.',
  }),
  autoApproveDevices: setting({
    kind: parse.trueOrFalse,
    fallback: 'false',
    meaning: 'Approve pairing requests while an operator has opened a window.',
  }),
  schedule: setting({
    kind: parse.schedule,
    meaning:
      'When the machine goes and comes, as cron has it: stop 0 23 * * *, start 0 7 * * *. It is always there where none is given.',
  }),
  scheduleTimeZone: setting({
    kind: parse.timeZone,
    meaning: 'Time zone of the schedule, by its IANA name; UTC where none is given.',
  }),
  observability: setting({
    kind: parse.oneOf('lean', 'full'),
    fallback: 'lean',
    meaning: 'lean: the machine tells of faults, one alarm hears its silence; full: metrics, alarms and a dashboard.',
  }),
  flowLogs: setting({
    kind: parse.oneOf('cloudwatch', 'infrequent-access', 's3', 'off'),
    fallback: 'cloudwatch',
    meaning:
      "Where the VPC's flow logs go: a log group, one of the infrequent-access class, the state bucket, or nowhere.",
  }),
  logRetentionDays: setting({
    kind: parse.retentionDays,
    fallback: '14',
    meaning: 'Retention of the log groups in days.',
  }),
  alarmEmail: setting({
    kind: parse.email,
    meaning: 'Address that alarms are mailed to, once its owner has confirmed.',
  }),
  repository: setting({
    kind: parse.repository,
    meaning: 'Repository on GitHub whose pull requests may compare templates: adds the stage github.',
  }),
  githubProvider: setting({
    kind: parse.oneOf('create', 'existing'),
    fallback: 'create',
    meaning: 'Whether the stage github makes the identity provider of GitHub, of which an account has one.',
  }),
};

export type Key = keyof typeof SETTINGS;

export const KEYS = Object.keys(SETTINGS) as Key[];

/** Those that a deployment records: not its name, and not what is of the stage beside it. */
export const RECORDED = KEYS.filter((key) => !['stack', 'repository', 'githubProvider'].includes(key));

/** The JSON schema of `deployments/<stack>.json`: every setting but the name, which is the file's. */
export function settingsSchema(): Record<string, unknown> {
  const properties = Object.entries(SETTINGS)
    .filter(([key]) => key !== 'stack')
    .map(([key, { kind, fallback, meaning }]: [string, Setting<unknown>]) => {
      const value = fallback === undefined ? undefined : plain(fallback, kind.schema.type);
      return [key, { ...kind.schema, description: meaning, ...(value !== undefined && { default: value }) }];
    });
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Settings of one deployment',
    type: 'object',
    properties: { $schema: { type: 'string' }, ...(Object.fromEntries(properties) as object) },
    additionalProperties: false,
    allowComments: true,
    allowTrailingCommas: true,
  };
}

/** As it stands in a file: numbers and truth values without quotes. */
function plain(text: string, type: unknown): unknown {
  return type === 'string' || (Number.isNaN(Number(text)) && !['true', 'false'].includes(text))
    ? text
    : JSON.parse(text);
}
