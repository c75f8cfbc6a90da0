import { aws_cloudwatch as cloudwatch, aws_cloudwatch_actions as actions, Duration } from 'aws-cdk-lib';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { Observability } from '../config/config';
import { DECLARED, type Fault, type MachineMetrics, type OwnMetric } from './machine-metrics';

export interface AlarmsProps {
  readonly metrics: MachineMetrics;
  readonly observability: Observability;
  /** Told when an alarm goes off, and when it is over. */
  readonly topic: ITopic;
  /**
   * Time between two backups.
   * @default - there are no backups to watch
   */
  readonly backupIntervalMinutes?: number;
  /** Whether the instance may use CPU that is charged beside its price. */
  readonly paysForCpu: boolean;
}

type Rule = Pick<cloudwatch.AlarmProps, 'metric' | 'threshold' | 'evaluationPeriods' | 'alarmDescription'> & {
  readonly bad: 'below' | 'above';
  /**
   * What silence says: `bad`, or that what was said last still holds.
   * @default - nothing
   */
  readonly silence?: 'bad' | 'unchanged';
};

// Of the metrics (machine-metrics.ts).
const PERIOD_MINUTES = 5;

/** What somebody should know of at once. The faults that the machine finds are declared with their metrics, in metrics.json. */
export class Alarms extends Construct {
  readonly all: cloudwatch.Alarm[] = [];

  constructor(
    scope: Construct,
    id: string,
    private readonly props: AlarmsProps,
  ) {
    super(scope, id);
    const { metrics } = props;
    if (props.paysForCpu) this.cpuCharged();
    if (props.observability === 'lean') {
      this.heartbeat();
      return;
    }

    // A replacement boots in a few minutes: a quarter of an hour of silence is not a boot any more.
    this.alarm('ServiceNotReady', {
      alarmDescription: 'OpenClaw does not serve, or no machine is running',
      metric: metrics.unlessPaused(metrics.own('ServiceReady', cloudwatch.Stats.MAXIMUM)),
      bad: 'below',
      threshold: 1,
      evaluationPeriods: 3,
      silence: 'bad',
    });
    this.alarm('InstanceStatus', {
      alarmDescription: 'EC2 status checks of the machine fail',
      metric: metrics.ec2('StatusCheckFailed'),
      bad: 'above',
      threshold: 0,
      evaluationPeriods: 2,
    });
    for (const [name, { fault }] of Object.entries(DECLARED)) {
      if (fault && (props.backupIntervalMinutes !== undefined || !fault.backups))
        this.declared(name as OwnMetric, fault);
    }
    if (props.backupIntervalMinutes !== undefined) this.backupTooOld(props.backupIntervalMinutes);
  }

  /** The one alarm of observability=lean: a machine that lives, serves and has a young backup feeds it. */
  private heartbeat(): void {
    const { metrics } = this.props;
    this.alarm('NoHeartbeat', {
      alarmDescription:
        'No machine has said for a quarter of an hour that OpenClaw serves and its last backup is young: see operations',
      metric: metrics.unlessPaused(metrics.own('Heartbeat', cloudwatch.Stats.MAXIMUM)),
      bad: 'below',
      threshold: 1,
      evaluationPeriods: 3,
      silence: 'bad',
    });
  }

  private cpuCharged(): void {
    this.alarm('CpuCharged', {
      alarmDescription: 'The instance uses more CPU than its credits pay for, which is charged beside its price',
      metric: this.props.metrics.ec2('CPUSurplusCreditsCharged'),
      bad: 'above',
      threshold: 0,
      evaluationPeriods: 1,
    });
  }

  private declared(name: OwnMetric, fault: Fault): void {
    const { metrics } = this.props;
    const { MINIMUM, MAXIMUM } = cloudwatch.Stats;
    const statistic = fault.below === undefined ? MAXIMUM : MINIMUM;
    this.alarm(fault.alarm, {
      alarmDescription: fault.text,
      metric: DECLARED[name].sent === 'agent' ? metrics.agent(name) : metrics.own(name, statistic),
      bad: fault.below === undefined ? 'above' : 'below',
      threshold: fault.below ?? fault.above ?? 0,
      evaluationPeriods: (fault.minutes ?? PERIOD_MINUTES) / PERIOD_MINUTES,
      ...(fault.silence === 'unchanged' && { silence: fault.silence }),
    });
  }

  private backupTooOld(intervalMinutes: number): void {
    const { metrics } = this.props;
    const period = Duration.minutes(Math.max(intervalMinutes, 10));
    this.alarm('BackupTooOld', {
      alarmDescription: 'No backup has succeeded for three intervals (half an hour at least, which allows for a boot)',
      metric: metrics.unlessPaused(metrics.own('BackupSuccess', cloudwatch.Stats.SUM, period)),
      bad: 'below',
      threshold: 1,
      evaluationPeriods: 3,
      silence: 'bad',
    });
  }

  private alarm(id: string, { bad, silence, ...rule }: Rule): void {
    const { ComparisonOperator } = cloudwatch;
    const { BREACHING, IGNORE, NOT_BREACHING } = cloudwatch.TreatMissingData;
    const alarm = new cloudwatch.Alarm(this, id, {
      ...rule,
      comparisonOperator:
        bad === 'below' ? ComparisonOperator.LESS_THAN_THRESHOLD : ComparisonOperator.GREATER_THAN_THRESHOLD,
      treatMissingData: { bad: BREACHING, unchanged: IGNORE, nothing: NOT_BREACHING }[silence ?? 'nothing'],
    });
    const tell = new actions.SnsAction(this.props.topic);
    alarm.addAlarmAction(tell);
    alarm.addOkAction(tell);
    this.all.push(alarm);
  }
}
