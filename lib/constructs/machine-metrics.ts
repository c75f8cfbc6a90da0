import { aws_cloudwatch as cloudwatch, Duration } from 'aws-cdk-lib';
import type declared from '../../assets/machine/usr/local/lib/openclaw/aws/metrics.json';

/** The metrics that the machine's own programs publish; one file declares them for both. */
export type OwnMetric = keyof typeof declared;

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
