import {
  aws_cloudwatch as cloudwatch,
  aws_iam as iam,
  aws_logs as logs,
  aws_sns as sns,
  aws_sns_subscriptions as subscriptions,
  RemovalPolicy,
  Stack,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { Alarms } from './alarms';
import { MachineMetrics } from './machine-metrics';

export interface ObservabilityProps {
  /** Name of the group of one. */
  readonly groupName: string;
  /** Prefix of the log groups' names, e.g. `/openclaw/dev`. */
  readonly logGroupPrefix: string;
  readonly logRetention: logs.RetentionDays;
  /** Namespace of the machine's metrics. */
  readonly metricNamespace: string;
  /**
   * Time between two backups.
   * @default - there are no backups to watch
   */
  readonly backupIntervalMinutes?: number;
  /**
   * Address that alarms are mailed to, once its owner has confirmed.
   * @default - nobody
   */
  readonly alarmEmail?: string;
  /** Whether the instance may use CPU that is charged beside its price. */
  readonly paysForCpu: boolean;
}

/** Log groups, alarms that tell somebody, and one page to look at. */
export class Observability extends Construct {
  /** What the machine writes. */
  readonly machineLogs: readonly logs.LogGroup[];
  /** OpenClaw's own log, one of those. */
  readonly gatewayLog: logs.LogGroup;
  readonly flowLog: logs.LogGroup;
  /** Told by alarms, by the machine, and by the group when it fails. */
  readonly topic: sns.Topic;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: ObservabilityProps,
  ) {
    super(scope, id);

    this.gatewayLog = this.logGroup('Gateway', 'gateway');
    const system = this.logGroup('System', 'system');
    this.machineLogs = [system, this.gatewayLog, this.logGroup('Operations', 'operations')];
    this.flowLog = this.logGroup('FlowLogs', 'flow-logs');
    this.topic = this.alarmTopic();

    const metrics = new MachineMetrics(props.metricNamespace, props.groupName);
    const { backupIntervalMinutes, paysForCpu } = props;
    const alarms = new Alarms(this, 'Alarms', { metrics, topic: this.topic, backupIntervalMinutes, paysForCpu });
    this.dashboard(metrics, alarms.all);
  }

  private logGroup(id: string, name: string): logs.LogGroup {
    return new logs.LogGroup(this, id, {
      logGroupName: `${this.props.logGroupPrefix}/${name}`,
      retention: this.props.logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    });
  }

  private alarmTopic(): sns.Topic {
    const topic = new sns.Topic(this, 'Topic', { displayName: `OpenClaw ${this.props.groupName}`, enforceSSL: true });
    // A topic with a policy of its own has lost the default one, by which CloudWatch could publish.
    const { account } = Stack.of(this);
    topic.addToResourcePolicy(
      new iam.PolicyStatement({
        actions: ['sns:Publish'],
        principals: [new iam.ServicePrincipal('cloudwatch.amazonaws.com')],
        resources: [topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': account } },
      }),
    );
    if (this.props.alarmEmail !== undefined) {
      topic.addSubscription(new subscriptions.EmailSubscription(this.props.alarmEmail));
    }
    return topic;
  }

  private dashboard(metrics: MachineMetrics, alarms: cloudwatch.IAlarm[]): void {
    const { MAXIMUM, MINIMUM } = cloudwatch.Stats;
    const graph = (title: string, left: cloudwatch.IMetric[], right: cloudwatch.IMetric[] = []) =>
      new cloudwatch.GraphWidget({ title, left, right, width: 12 });
    const widgets = [
      [new cloudwatch.AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms], width: 24, height: 3 })],
      [
        graph('Service', [metrics.own('ServiceReady', MINIMUM)]),
        graph(
          'Machine, %',
          ['cpu_usage_active', 'mem_used_percent', 'swap_used_percent', 'disk_used_percent'].map((name) =>
            metrics.agent(name),
          ),
        ),
      ],
      [
        graph('Moves: seconds without service', [metrics.own('SecondsWithoutService', MAXIMUM)]),
        graph(
          'Ends: seconds to drain, clean',
          [metrics.own('DrainSeconds', MAXIMUM)],
          [metrics.own('DrainClean', MINIMUM)],
        ),
      ],
      [
        new cloudwatch.LogQueryWidget({
          title: 'Operations',
          logGroupNames: [`${this.props.logGroupPrefix}/operations`],
          // An event is a whole journal entry.
          queryLines: [
            'fields @timestamp, coalesce(body.UNIT, body._SYSTEMD_UNIT) as unit, body.MESSAGE as message',
            'sort @timestamp desc',
            'limit 50',
          ],
          width: 24,
        }),
      ],
    ];
    if (this.props.backupIntervalMinutes !== undefined) {
      widgets.splice(2, 0, [
        graph(
          'Backups: success, files left out, seconds',
          [metrics.own('BackupSuccess', MINIMUM), metrics.own('BackupFilesLeftOut', MAXIMUM)],
          [metrics.own('BackupDurationSeconds', MAXIMUM)],
        ),
        graph('Backups: bytes sent', [metrics.own('BackupBytesSent', MAXIMUM)]),
      ]);
    }
    // An account has one set of dashboards for all its regions.
    const dashboardName = `${this.props.groupName}-${Stack.of(this).region}`;
    new cloudwatch.Dashboard(this, 'Dashboard', { dashboardName, widgets });
  }
}
