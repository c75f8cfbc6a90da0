import { aws_cloudwatch as cloudwatch, aws_logs as logs, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { DECLARED, type MachineMetrics, type OwnMetric } from './machine-metrics';

const { MAXIMUM, MINIMUM } = cloudwatch.Stats;

interface Graph {
  readonly title: string;
  /** By metric: the highest or the lowest value of each five minutes. */
  readonly left: Partial<Record<OwnMetric, string>>;
  readonly right?: Partial<Record<OwnMetric, string>>;
  /** Only where there are backups. */
  readonly backups?: boolean;
}

/** What a person looks at: as graphs on a dashboard, or as queries of the lines that the machine writes instead. */
export const GRAPHS: readonly Graph[] = [
  { title: 'Service', left: { ServiceReady: MINIMUM } },
  {
    title: 'Machine, %',
    left: { mem_used_percent: MAXIMUM, swap_used_percent: MAXIMUM, disk_used_percent: MAXIMUM },
  },
  {
    title: 'Backups: success, files left out, seconds',
    left: { BackupSuccess: MINIMUM, BackupFilesLeftOut: MAXIMUM },
    right: { BackupDurationSeconds: MAXIMUM },
    backups: true,
  },
  { title: 'Backups: bytes sent', left: { BackupBytesSent: MAXIMUM }, backups: true },
  { title: 'Moves: seconds without service', left: { SecondsWithoutService: MAXIMUM } },
  { title: 'Ends: seconds to drain, clean', left: { DrainSeconds: MAXIMUM }, right: { DrainClean: MINIMUM } },
];

const graphsOf = (backsUp: boolean) => GRAPHS.filter(({ backups }) => backsUp || !backups);

// An event is a whole journal entry.
const OPERATIONS = [
  'fields @timestamp, coalesce(body.UNIT, body._SYSTEMD_UNIT) as unit, body.MESSAGE as message',
  'sort @timestamp desc',
  'limit 50',
];

export interface DashboardProps {
  readonly groupName: string;
  /** Prefix of the log groups' names, e.g. `/openclaw/dev`. */
  readonly logGroupPrefix: string;
  readonly metrics: MachineMetrics;
  readonly alarms: cloudwatch.IAlarm[];
  readonly backsUp: boolean;
}

/** One page of graphs, for observability=full. */
export function dashboard(scope: Construct, props: DashboardProps): cloudwatch.Dashboard {
  const { metrics } = props;
  const metric = ([name, statistic]: [string, string]) =>
    DECLARED[name as OwnMetric].sent === 'agent' ? metrics.agent(name) : metrics.own(name as OwnMetric, statistic);
  const all = (of: Graph['left'] = {}) => Object.entries(of).map(metric);
  const graphs = graphsOf(props.backsUp).map(({ title, left, right }) => {
    // The agent alone knows the processor.
    const lines = title.startsWith('Machine') ? [metrics.agent('cpu_usage_active'), ...all(left)] : all(left);
    return new cloudwatch.GraphWidget({ title, left: lines, right: all(right), width: 12 });
  });
  const pairs = graphs.flatMap((_, index) => (index % 2 === 0 ? [graphs.slice(index, index + 2)] : []));
  return new cloudwatch.Dashboard(scope, 'Dashboard', {
    // An account has one set of dashboards for all its regions.
    dashboardName: `${props.groupName}-${Stack.of(scope).region}`,
    widgets: [
      [new cloudwatch.AlarmStatusWidget({ title: 'Alarms', alarms: [...props.alarms], width: 24, height: 3 })],
      ...pairs,
      [
        new cloudwatch.LogQueryWidget({
          title: 'Operations',
          logGroupNames: [`${props.logGroupPrefix}/operations`],
          queryLines: OPERATIONS,
          width: 24,
        }),
      ],
    ],
  });
}

export interface SavedQueriesProps {
  readonly groupName: string;
  /** The group that the machine's lines go to. */
  readonly operations: logs.ILogGroup;
  readonly backsUp: boolean;
}

/** The same graphs, for observability=lean, as queries of Logs Insights: a name in its list, a graph in its view. */
export function saveQueries(scope: Construct, { groupName, operations, backsUp }: SavedQueriesProps): void {
  const save = (id: string, title: string, queryString: logs.QueryString) =>
    new logs.QueryDefinition(scope, id, {
      queryDefinitionName: `${groupName}/${title}`,
      queryString,
      logGroups: [operations],
    });
  for (const { title, left, right } of graphsOf(backsUp)) {
    const lines = Object.entries({ ...left, ...right });
    save(
      `Query${title.replace(/\W/g, '')}`,
      title,
      new logs.QueryString({
        fields: ['@timestamp'],
        filterStatements: [`body.MESSAGE like /"metrics": .*"(${lines.map(([name]) => name).join('|')})": /`],
        // As the machine writes it (openclaw/aws/metrics.py).
        parseStatements: lines.map(([name]) => `body.MESSAGE /"${name}": (?<${variable(name)}>[0-9.]+)/`),
        statsStatements: [
          `${lines.map(([name, of]) => `${of === MINIMUM ? 'min' : 'max'}(${variable(name)}) as ${name}`).join(', ')} by bin(5m)`,
        ],
      }),
    );
  }
  save(
    'QueryOperations',
    'Operations',
    new logs.QueryString({
      fields: ['@timestamp', 'coalesce(body.UNIT, body._SYSTEMD_UNIT) as unit', 'body.MESSAGE as message'],
      sort: '@timestamp desc',
      limit: 50,
    }),
  );
}

/** A name for what a query parses, which must not be that of its result. */
const variable = (name: string) => `v${name.replaceAll('_', '')}`;
