import { aws_cloudwatch as cloudwatch, Duration } from 'aws-cdk-lib';
import declared from '../../assets/machine/usr/local/lib/openclaw/aws/metrics.json';

/** The metrics that the machine's own programs or its agent publish; one file declares them for both sides. */
export type OwnMetric = keyof typeof declared;

/** When somebody has to be told: by the alarm of this name, or, with observability=lean, by the machine itself. */
export interface Fault {
  readonly alarm: string;
  readonly text: string;
  /** A value below this, or above that, is bad. */
  readonly below?: number;
  readonly above?: number;
  /** So long it must have been bad. @default - once is enough */
  readonly minutes?: number;
  /** It happens and is not over later. */
  readonly once?: boolean;
  /** What silence says: that what was said last still holds. @default - nothing */
  readonly silence?: string;
  /** Only where there are backups. */
  readonly backups?: boolean;
}

export interface Declared {
  readonly unit: string;
  readonly help: string;
  /** Who sends it, or how often. */
  readonly sent: string;
  readonly fault?: Fault;
}

export const DECLARED: Readonly<Record<OwnMetric, Declared>> = declared;

/** The metrics of one deployment's machine, whichever instance that is at the time. */
export class MachineMetrics {
  /**
   * @param namespace - of what the machine publishes
   * @param groupName - name of the group of one; instance ids change with each replacement
   */
  constructor(
    private readonly namespace: string,
    private readonly groupName: string,
  ) {}

  /** A metric that the machine's own programs publish, e.g. `BackupSuccess`. */
  own(metricName: OwnMetric, statistic: string, period = Duration.minutes(5)): cloudwatch.Metric {
    return new cloudwatch.Metric({ namespace: this.namespace, metricName, statistic, period });
  }

  /** A metric of the CloudWatch agent, e.g. `mem_used_percent`. */
  agent(metricName: string): cloudwatch.Metric {
    return this.ofGroup(this.namespace, metricName);
  }

  /** A metric that EC2 publishes, e.g. `StatusCheckFailed`. */
  ec2(metricName: string): cloudwatch.Metric {
    return this.ofGroup('AWS/EC2', metricName);
  }

  /**
   * A metric of the machine's that is 1 or more where all is well; 1 also in every period in which the group wanted no
   * machine for a while (`pause`), and 0 where it wanted one that said nothing.
   *
   * MAX of a list takes those that have a value. Nothing is lost where the group's metric is late: what is missing then
   * is what the machine did not say.
   * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
   * https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-metrics.html
   */
  unlessPaused(said: cloudwatch.Metric): cloudwatch.MathExpression {
    const desired = this.ofGroup('AWS/AutoScaling', 'GroupDesiredCapacity').with({
      statistic: cloudwatch.Stats.MINIMUM,
      period: said.period,
    });
    return new cloudwatch.MathExpression({
      expression: 'MAX([said, 1 - desired])',
      usingMetrics: { said, desired },
      period: said.period,
    });
  }

  private ofGroup(namespace: string, metricName: string): cloudwatch.Metric {
    return new cloudwatch.Metric({
      namespace,
      metricName,
      dimensionsMap: { AutoScalingGroupName: this.groupName },
      statistic: cloudwatch.Stats.MAXIMUM,
      period: Duration.minutes(5),
    });
  }
}
