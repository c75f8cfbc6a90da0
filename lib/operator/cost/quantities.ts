import declared from '../../../assets/machine/usr/local/lib/openclaw/aws/metrics.json';
import type { PriceKey } from './prices';
import { runningShare } from './schedule';

/** A synthesized template, as far as it is read here. */
export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>;
}
interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly Metadata?: unknown;
}

/** What a month uses of one thing that has a price. */
export interface Quantity {
  readonly part: string;
  readonly price: PriceKey;
  readonly amount: number;
  readonly unit: string;
  /** Where the amount comes from. */
  readonly basis: string;
  /** Of the machine alone: instance, disk and address. */
  readonly bare?: true;
}

/** What was measured, where the account could be asked. */
export interface Measured {
  /** Bytes that came into a log group in a month, by its name. */
  readonly logBytes: ReadonlyMap<string, number>;
  readonly bucketBytes: number | undefined;
}

/** AWS counts a month as 730 hours. */
export const HOURS = 730;
const MINUTES = HOURS * 60;
const GB = 1e9;

// What a small assistant does, where nobody has measured it. A log event is a whole journal entry.
const EVENT_BYTES = 1_100;
const GATEWAY_EVENTS = 30_000;
const SYSTEM_EVENTS = 1_000;
const EVENTS_OF_A_BACKUP = 4;
const FLOW_LOGS = 'flow-logs';
const FLOW_BYTES = 50e6;
const STORED_BYTES = 1e9;
// restic asks and writes about as much in a run that has found something changed.
const REQUESTS_OF_A_BACKUP = { write: 8, read: 8 };
const LEASE_CHECKS = MINUTES;
const MAILS = 20;
// By VPC flow logs: a file every five minutes.
const FLOW_FILES = MINUTES / 5;

/** Between two looks at whether OpenClaw serves (openclaw-ready.timer). */
const REPORT_MINUTES = 4;

/** Types that cost nothing by themselves, and why. */
export const FREE: Readonly<Record<string, string>> = {
  'AWS::AutoScaling::ScheduledAction': 'no charge',
  'AWS::EC2::VPC': 'no charge',
  'AWS::EC2::RouteTable': 'no charge',
  'AWS::EC2::SubnetRouteTableAssociation': 'no charge',
  'AWS::EC2::Route': 'no charge',
  'AWS::EC2::InternetGateway': 'no charge; traffic out of AWS is not counted here',
  'AWS::EC2::VPCGatewayAttachment': 'no charge',
  'AWS::EC2::VPCEndpoint': 'a gateway endpoint has no charge',
  'AWS::EC2::SecurityGroup': 'no charge',
  'AWS::Events::Rule': "events of AWS's own services have no charge",
  'AWS::IAM::InstanceProfile': 'no charge',
  'AWS::IAM::Policy': 'no charge',
  'AWS::IAM::Role': 'no charge',
  'AWS::Logs::QueryDefinition': 'a query is charged when somebody runs it, by what it reads',
  'AWS::S3::BucketPolicy': 'no charge',
  'AWS::SNS::Topic': 'the first million requests of a month have no charge',
  'AWS::SNS::TopicPolicy': 'no charge',
};

type Counter = (resource: Resource, template: Template, measured: Measured | undefined) => Quantity[];

/** Types that cost something. */
const COUNTERS: Readonly<Record<string, Counter>> = {
  'AWS::AutoScaling::AutoScalingGroup': (_, template) => [
    { part: 'instance', price: 'instance', amount: HOURS, unit: 'h', basis: 'one machine, all month', bare: true },
    ...metrics(template),
  ],
  'AWS::EC2::LaunchTemplate': ({ Properties }) => {
    const { BlockDeviceMappings: disks = [] } = (Properties?.LaunchTemplateData ?? {}) as {
      BlockDeviceMappings?: { Ebs?: { VolumeSize?: number } }[];
    };
    const amount = disks.reduce((sum, { Ebs }) => sum + (Ebs?.VolumeSize ?? 0), 0);
    return [{ part: 'root volume', price: 'volume.gp3', amount, unit: 'GB', basis: 'the template', bare: true }];
  },
  'AWS::EC2::Subnet': ({ Properties }) =>
    Properties?.MapPublicIpOnLaunch === true
      ? [{ part: 'public IPv4', price: 'address.ipv4', amount: HOURS, unit: 'h', basis: 'one address', bare: true }]
      : [],
  // An alarm on an expression is charged for each metric in it.
  'AWS::CloudWatch::Alarm': ({ Properties }) => [
    { part: 'alarms', price: 'alarm', amount: alarmMetrics(Properties), unit: 'metrics', basis: 'the template' },
  ],
  'AWS::CloudWatch::Dashboard': () => [
    { part: 'dashboard', price: 'dashboard', amount: 1, unit: 'dashboards', basis: 'the template' },
  ],
  'AWS::Logs::LogGroup': ({ Properties }, template, measured) => {
    const name = String(Properties?.LogGroupName);
    const kind = name.split('/').at(-1) ?? '';
    const known = measured?.logBytes.get(name);
    const amount = (known ?? assumedLogBytes(kind, template)) / GB;
    const basis = known === undefined ? 'assumed' : 'measured over 7 days';
    const infrequent = Properties?.LogGroupClass === 'INFREQUENT_ACCESS';
    const vended = kind.startsWith(FLOW_LOGS);
    const price = `logs.${vended ? 'vended' : 'ingest'}${infrequent ? '-infrequent' : ''}` as const;
    const days = Number(Properties?.RetentionInDays ?? HOURS / 24);
    // Kept compressed, to about 15 % of what came in (https://aws.amazon.com/cloudwatch/pricing/, its examples).
    const kept = ((amount * days) / (HOURS / 24)) * 0.15;
    return [
      { part: `logs: ${kind}`, price, amount, unit: 'GB', basis },
      { part: 'logs, stored', price: 'logs.stored', amount: kept, unit: 'GB', basis: `${basis}, compressed` },
    ];
  },
  'AWS::EC2::FlowLog': ({ Properties }) =>
    Properties?.LogDestinationType === 's3'
      ? [
          {
            part: 'flow logs to S3',
            price: 'logs.vended-to-s3',
            amount: FLOW_BYTES / GB,
            unit: 'GB',
            basis: 'assumed',
          },
          {
            part: 'flow logs to S3',
            price: 's3.write',
            amount: FLOW_FILES,
            unit: 'requests',
            basis: 'a file in 5 min',
          },
        ]
      : [],
  'AWS::S3::Bucket': (_, template, measured) => {
    const runs = backupRuns(template);
    const known = measured?.bucketBytes;
    return [
      {
        part: 'state bucket',
        price: 's3.stored',
        amount: (known ?? STORED_BYTES) / GB,
        unit: 'GB',
        basis: known === undefined ? 'assumed' : 'measured',
      },
      {
        part: 'state bucket',
        price: 's3.write',
        amount: runs * REQUESTS_OF_A_BACKUP.write,
        unit: 'requests',
        basis: `${REQUESTS_OF_A_BACKUP.write} in each backup`,
      },
      {
        part: 'state bucket',
        price: 's3.read',
        amount: LEASE_CHECKS + runs * REQUESTS_OF_A_BACKUP.read,
        unit: 'requests',
        basis: `a lease check a minute, ${REQUESTS_OF_A_BACKUP.read} in each backup`,
      },
    ];
  },
  'AWS::SNS::Subscription': () => [{ part: 'mails', price: 'mail', amount: MAILS, unit: 'mails', basis: 'assumed' }],
};

function alarmMetrics(properties: Resource['Properties']): number {
  const { Metrics: parts = [{ MetricStat: {} }] } = (properties ?? {}) as { Metrics?: { MetricStat?: object }[] };
  return parts.filter(({ MetricStat }) => MetricStat).length;
}

/** Types of a template that nobody here knows the price of. */
export const unknownTypes = ({ Resources }: Template): string[] =>
  [...new Set(Object.values(Resources).map(({ Type }) => Type))].filter((type) => !(type in FREE || type in COUNTERS));

/** Part of the time in which the machine is there, by the scheduled actions of its group. */
function shareOf({ Resources }: Template): number {
  const actions = Object.values(Resources).filter(({ Type }) => Type === 'AWS::AutoScaling::ScheduledAction');
  return runningShare(
    actions.map(({ Properties: { Recurrence, DesiredCapacity } = {} }) => ({
      recurrence: String(Recurrence),
      machines: Number(DesiredCapacity),
    })),
  );
}

/** Of what is charged by the hour that it is there. */
const byTheHour = ({ bare, price }: Quantity) => bare === true || price.startsWith('metric.');

/** A month of all that the template makes, in its own order. Like parts are one row. */
export function quantitiesOf(template: Template, measured?: Measured): Quantity[] {
  const share = shareOf(template);
  const rows = new Map<string, Quantity>();
  for (const resource of Object.values(template.Resources)) {
    for (const quantity of COUNTERS[resource.Type]?.(resource, template, measured) ?? []) {
      const key = `${quantity.part} ${quantity.price}`;
      const before = rows.get(key);
      rows.set(key, { ...quantity, amount: (before?.amount ?? 0) + quantity.amount });
    }
  }
  return [...rows.values()]
    .filter(({ amount }) => amount > 0)
    .map((row) =>
      share < 1 && byTheHour(row)
        ? { ...row, amount: row.amount * share, basis: `${row.basis}, ${(share * 100).toFixed(0)} % by the schedule` }
        : row,
    );
}

interface MachineFiles {
  readonly 'AWS::CloudFormation::Init': {
    readonly machine: { readonly files: Readonly<Record<string, { readonly content: unknown }>> };
  };
}

function machineFile({ Resources }: Template, path: string): string {
  const group = Object.values(Resources).find(({ Type }) => Type === 'AWS::AutoScaling::AutoScalingGroup');
  const content = (group?.Metadata as MachineFiles | undefined)?.['AWS::CloudFormation::Init'].machine.files[path]
    ?.content;
  if (content === undefined) throw new Error(`the template gives the machine no ${path}`);
  if (typeof content === 'string') return content;
  const { 'Fn::Join': join } = content as { 'Fn::Join'?: [string, unknown[]] };
  return (join?.[1] ?? []).filter((part) => typeof part === 'string').join('');
}

/** A setting of /etc/openclaw/machine.env. */
function machineSetting(template: Template, name: string): string {
  return new RegExp(`^${name}=(.*)$`, 'm').exec(machineFile(template, '/etc/openclaw/machine.env'))?.[1] ?? '';
}

const isLean = (template: Template) => machineSetting(template, 'OBSERVABILITY') === 'lean';

const backupRuns = (template: Template): number =>
  machineSetting(template, 'BACKUP') === 'off'
    ? 0
    : MINUTES / Number(machineSetting(template, 'BACKUP_INTERVAL_MINUTES'));

function assumedLogBytes(kind: string, template: Template): number {
  const events: Record<string, number> = {
    gateway: GATEWAY_EVENTS,
    system: SYSTEM_EVENTS,
    operations: EVENTS_OF_A_BACKUP * backupRuns(template) + (isLean(template) ? MINUTES / REPORT_MINUTES : 0),
  };
  return kind.startsWith(FLOW_LOGS) ? FLOW_BYTES : (events[kind] ?? 0) * EVENT_BYTES;
}

interface Declared {
  readonly sent: string;
  /** Whether it is a metric with observability=lean, and with it alone. */
  readonly lean?: boolean;
}

interface AgentConfiguration {
  readonly agent: { readonly metrics_collection_interval: number };
  readonly metrics: {
    readonly metrics_collected: Readonly<Record<string, { readonly measurement: readonly string[] } | null>>;
  };
}

/** What the agent is told on this machine: with observability=lean a part of it is otherwise, and null takes it away. */
function agentOf(template: Template): { metrics: number; seconds: number } {
  const read = (name: string) => JSON.parse(machineFile(template, `/etc/openclaw/${name}`)) as AgentConfiguration;
  const usual = read('cloudwatch-agent.template.json');
  const other = isLean(template) ? read('cloudwatch-agent.lean.json') : usual;
  const collected = Object.values({ ...usual.metrics.metrics_collected, ...other.metrics.metrics_collected });
  return {
    metrics: collected.reduce((sum, part) => sum + (part?.measurement.length ?? 0), 0),
    seconds: other.agent.metrics_collection_interval,
  };
}

/** Custom metrics, charged for each hour in which a value came, and the calls that bring them. */
function metrics(template: Template): Quantity[] {
  const runs = backupRuns(template);
  const days = runs > 0 ? HOURS / 24 : 0;
  // How often a value comes in a month, and in how many calls of its own; a backup has one call for all of its values.
  const sent: Record<string, { hours: number; calls: number }> = {
    report: { hours: HOURS, calls: MINUTES / REPORT_MINUTES },
    backup: { hours: Math.min(runs, HOURS), calls: 0 },
    'half-hour': { hours: HOURS, calls: HOURS * 2 },
    day: { hours: days, calls: days },
  };
  const lean = isLean(template);
  const own = Object.values<Declared>(declared)
    .filter((metric) => (metric.lean ?? false) === lean)
    .map((metric) => sent[metric.sent] ?? { hours: 0, calls: 0 });
  const agent = agentOf(template);
  const calls = own.reduce((sum, one) => sum + one.calls, lean ? 0 : runs) + (MINUTES * 60) / agent.seconds;
  return [
    {
      part: 'custom metrics',
      price: 'metric.custom',
      amount: agent.metrics + own.reduce((sum, { hours }) => sum + hours, 0) / HOURS,
      unit: 'metrics',
      basis: 'those of the machine, and of its agent',
    },
    { part: 'PutMetricData', price: 'metric.request', amount: calls, unit: 'requests', basis: "the machine's timers" },
  ];
}
