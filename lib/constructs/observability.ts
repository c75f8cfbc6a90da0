import {
  aws_ec2 as ec2,
  aws_iam as iam,
  aws_logs as logs,
  aws_sns as sns,
  aws_sns_subscriptions as subscriptions,
  RemovalPolicy,
  Stack,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { FlowLogs, Observability as ObservabilityMode } from '../config/config';
import { Alarms } from './alarms';
import { dashboard, saveQueries } from './graphs';
import { MachineMetrics } from './machine-metrics';

export interface ObservabilityProps {
  /** Name of the group of one. */
  readonly groupName: string;
  /** Prefix of the log groups' names, e.g. `/openclaw/dev`. */
  readonly logGroupPrefix: string;
  readonly logRetention: logs.RetentionDays;
  readonly observability: ObservabilityMode;
  readonly flowLogs: FlowLogs;
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

/** Log groups, alarms that tell somebody, and a page, or queries, to look at. */
export class Observability extends Construct {
  /** What the machine writes. */
  readonly machineLogs: readonly logs.LogGroup[];
  /** OpenClaw's own log, one of those. */
  readonly gatewayLog: logs.LogGroup;
  /**
   * Receives the VPC's flow logs.
   * @default - they go elsewhere, or nowhere
   */
  readonly flowLogs?: ec2.FlowLogDestination;
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
    const operations = this.logGroup('Operations', 'operations');
    this.machineLogs = [system, this.gatewayLog, operations];
    if (props.flowLogs === 'cloudwatch') {
      this.flowLogs = ec2.FlowLogDestination.toCloudWatchLogs(this.logGroup('FlowLogs', 'flow-logs'));
    } else if (props.flowLogs === 'infrequent-access') {
      // Under a name of its own: a group's class cannot be changed.
      const group = this.logGroup(
        'InfrequentFlowLogs',
        'flow-logs-infrequent-access',
        logs.LogGroupClass.INFREQUENT_ACCESS,
      );
      this.flowLogs = ec2.FlowLogDestination.toCloudWatchLogs(group);
    }
    this.topic = this.alarmTopic();

    const metrics = new MachineMetrics(props.metricNamespace, props.groupName);
    const { observability, backupIntervalMinutes, paysForCpu } = props;
    const { all: alarms } = new Alarms(this, 'Alarms', {
      metrics,
      observability,
      topic: this.topic,
      backupIntervalMinutes,
      paysForCpu,
    });
    const { groupName, logGroupPrefix } = props;
    const backsUp = backupIntervalMinutes !== undefined;
    if (observability === 'full') dashboard(this, { groupName, logGroupPrefix, metrics, alarms, backsUp });
    else saveQueries(this, { groupName, operations, backsUp });
  }

  private logGroup(id: string, name: string, logGroupClass?: logs.LogGroupClass): logs.LogGroup {
    return new logs.LogGroup(this, id, {
      logGroupClass,
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
}
