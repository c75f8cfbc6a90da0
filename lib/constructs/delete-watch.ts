import {
  aws_cloudwatch as cloudwatch,
  aws_cloudwatch_actions as actions,
  aws_events as events,
  Duration,
} from 'aws-cdk-lib';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';

export interface DeleteWatchProps {
  /** Name of the state bucket, which sends its events to EventBridge. */
  readonly bucketName: string;
  /** Time between two backups. */
  readonly backupIntervalMinutes: number;
  /** Told when an alarm goes off. */
  readonly topic: ITopic;
}

interface Watched {
  readonly alarmDescription: string;
  /** Of the event, beside the bucket. */
  readonly detail: Record<string, unknown>;
  readonly period: Duration;
  /** So many within the period are none too many. */
  readonly threshold: number;
}

// One object for each backup: what a list of backups is made from.
const RECORDS = ['snapshots/snapshots/', 'mirror/manifests/'];
// What no machine of ours deletes.
const KEPT = ['snapshots/config', 'lease.json', 'handover.json', 'tools/', 'aside/'];
const MINUTES_OF_A_DAY = 24 * 60;

/**
 * Watches who hides or removes history, by S3's own events: the machine has no right on them, nor on the figures that
 * EventBridge keeps of its rules. Expirations by the bucket's lifecycle are nobody's deletes.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
 */
export class DeleteWatch extends Construct {
  constructor(
    scope: Construct,
    id: string,
    private readonly props: DeleteWatchProps,
  ) {
    super(scope, id);

    this.alarm('HistoryDeleted', {
      alarmDescription:
        'An object version, or an object that no machine deletes, was deleted from the state bucket: see its access logs',
      detail: {
        $or: [{ 'deletion-type': ['Permanently Deleted'] }, { object: { key: KEPT.map((prefix) => ({ prefix })) } }],
      },
      period: Duration.minutes(5),
      threshold: 0,
    });
    this.alarm('BackupsDeleted', {
      alarmDescription:
        'More backups were deleted within a day than a day adds: npx openclaw-spot undelete brings them back',
      detail: { object: { key: RECORDS.map((prefix) => ({ prefix })) } },
      period: Duration.days(1),
      // Thinning removes, once a day, what a day of backups has added.
      threshold: Math.ceil(MINUTES_OF_A_DAY / props.backupIntervalMinutes),
    });
  }

  private alarm(id: string, watched: Watched): void {
    const { detail, ...rule } = watched;
    const { ruleName } = new events.Rule(this, `${id}Rule`, {
      eventPattern: {
        source: ['aws.s3'],
        detailType: ['Object Deleted'],
        detail: { bucket: { name: [this.props.bucketName] }, reason: ['DeleteObject'], ...detail },
      },
    });
    const alarm = new cloudwatch.Alarm(this, id, {
      alarmDescription: rule.alarmDescription,
      metric: new cloudwatch.Metric({
        namespace: 'AWS/Events',
        metricName: 'MatchedEvents',
        dimensionsMap: { RuleName: ruleName },
        statistic: cloudwatch.Stats.SUM,
        period: rule.period,
      }),
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
      threshold: rule.threshold,
      evaluationPeriods: 1,
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    });
    const tell = new actions.SnsAction(this.props.topic);
    alarm.addAlarmAction(tell);
    alarm.addOkAction(tell);
  }
}
