import { aws_cloudwatch as cloudwatch, aws_cloudwatch_actions as actions, Duration } from 'aws-cdk-lib';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { MachineMetrics } from './machine-metrics';

export interface AlarmsProps {
  readonly metrics: MachineMetrics;
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

/** What somebody should know of at once. */
export class Alarms extends Construct {
  readonly all: cloudwatch.Alarm[] = [];

  constructor(
    scope: Construct,
    id: string,
    private readonly props: AlarmsProps,
  ) {
    super(scope, id);
    const { metrics } = props;

    // A replacement boots in a few minutes: a quarter of an hour of silence is not a boot any more.
    this.alarm('ServiceNotReady', {
      alarmDescription: 'OpenClaw does not serve, or no machine is running',
      metric: metrics.own('ServiceReady', cloudwatch.Stats.MAXIMUM),
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
    this.alarm('DiskFull', {
      alarmDescription: 'The root volume is more than 85 % full',
      metric: metrics.agent('disk_used_percent'),
      bad: 'above',
      threshold: 85,
      evaluationPeriods: 2,
    });
    this.alarm('MemoryPressure', {
      alarmDescription: 'More than 90 % of memory has been in use for a quarter of an hour',
      metric: metrics.agent('mem_used_percent'),
      bad: 'above',
      threshold: 90,
      evaluationPeriods: 3,
    });
    this.alarm('SwapPressure', {
      alarmDescription: 'More than 75 % of swap has been in use for a quarter of an hour: the machine is too small',
      metric: metrics.agent('swap_used_percent'),
      bad: 'above',
      threshold: 75,
      evaluationPeriods: 3,
    });
    this.alarm('StartRefused', {
      alarmDescription: 'OpenClaw refuses its state or configuration: no restart and no other machine changes that',
      metric: metrics.own('StartRefused', cloudwatch.Stats.MAXIMUM),
      bad: 'above',
      threshold: 0,
      evaluationPeriods: 1,
    });
    this.alarm('ChannelsFailing', {
      alarmDescription:
        'A channel has not worked for a quarter of an hour, while the rest of OpenClaw serves: operations names it',
      metric: metrics.own('ChannelsFailing', cloudwatch.Stats.MAXIMUM),
      bad: 'above',
      threshold: 0,
      evaluationPeriods: 3,
    });
    this.alarm('KilledForMemory', {
      alarmDescription: 'The kernel killed a program of OpenClaw for memory: the machine is too small for what it does',
      metric: metrics.own('KilledForMemory', cloudwatch.Stats.SUM),
      bad: 'above',
      threshold: 0,
      evaluationPeriods: 1,
    });
    this.alarm('ExtrasMissing', {
      alarmDescription: 'OpenClaw runs, but without its logs, metrics or swap: the log group operations says why',
      metric: metrics.own('ExtrasMissing', cloudwatch.Stats.MAXIMUM),
      bad: 'above',
      threshold: 0,
      evaluationPeriods: 1,
      // Told at a boot, and every half an hour.
      silence: 'unchanged',
    });
    if (props.paysForCpu) {
      this.alarm('CpuCharged', {
        alarmDescription: 'The instance uses more CPU than its credits pay for, which is charged beside its price',
        metric: metrics.ec2('CPUSurplusCreditsCharged'),
        bad: 'above',
        threshold: 0,
        evaluationPeriods: 1,
      });
    }
    if (props.backupIntervalMinutes !== undefined) this.backupAlarms(props.backupIntervalMinutes);
  }

  private backupAlarms(intervalMinutes: number): void {
    const { metrics } = this.props;
    this.alarm('DrainNotClean', {
      alarmDescription:
        'A machine was ended before its last state was in the bucket: the log group operations says why',
      metric: metrics.own('DrainClean', cloudwatch.Stats.MINIMUM),
      bad: 'below',
      threshold: 1,
      evaluationPeriods: 1,
    });
    this.alarm('BackupFailed', {
      alarmDescription: 'A backup failed: the log group operations says why',
      metric: metrics.own('BackupSuccess', cloudwatch.Stats.MINIMUM),
      bad: 'below',
      threshold: 1,
      evaluationPeriods: 1,
    });
    this.alarm('DatabaseUnreadable', {
      alarmDescription:
        "One of OpenClaw's own databases could not be copied, so the backup has an earlier copy of it, or none: see operations",
      metric: metrics.own('BackupDatabaseUnreadable', cloudwatch.Stats.MAXIMUM),
      bad: 'above',
      threshold: 0,
      evaluationPeriods: 1,
    });
    this.alarm('RestoreFailed', {
      alarmDescription: 'A machine could not bring in the state, so OpenClaw does not start on it: see operations',
      metric: metrics.own('RestoreSuccess', cloudwatch.Stats.MINIMUM),
      bad: 'below',
      threshold: 1,
      evaluationPeriods: 1,
    });
    this.alarm('RestoreSkipped', {
      alarmDescription: 'A machine came up with an older state, for the newest backup is not good: see operations',
      metric: metrics.own('RestoreSkippedSnapshots', cloudwatch.Stats.MAXIMUM),
      bad: 'above',
      threshold: 0,
      evaluationPeriods: 1,
    });
    this.alarm('PruneFailed', {
      alarmDescription: 'Old backups could not be removed, so the bucket grows: the log group operations says why',
      metric: metrics.own('PruneSuccess', cloudwatch.Stats.MINIMUM),
      bad: 'below',
      threshold: 1,
      evaluationPeriods: 1,
    });
    this.alarm('DrillFailed', {
      alarmDescription: 'The weekly rehearsal could not restore the newest backup: the log group operations says why',
      metric: metrics.own('DrillSuccess', cloudwatch.Stats.MINIMUM),
      bad: 'below',
      threshold: 1,
      evaluationPeriods: 1,
    });
    this.alarm('Fenced', {
      alarmDescription: 'Another machine took the lease from one that still served; what that one wrote since is lost',
      metric: metrics.own('Fenced', cloudwatch.Stats.MAXIMUM),
      bad: 'above',
      threshold: 0,
      evaluationPeriods: 1,
    });
    this.alarm('BackupTooOld', {
      alarmDescription: 'No backup has succeeded for three intervals (half an hour at least, which allows for a boot)',
      metric: metrics.own('BackupSuccess', cloudwatch.Stats.SUM, Duration.minutes(Math.max(intervalMinutes, 10))),
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
