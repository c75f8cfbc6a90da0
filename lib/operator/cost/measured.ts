import type { Deployment } from '../deployment';
import type { Measured } from './quantities';

const DAY_MS = 86_400_000;
const DAYS = 7;
const DAYS_OF_A_MONTH = 730 / 24;

/** What CloudWatch counted of a deployment by itself, for nothing: bytes into its log groups, and the bucket's size. */
export async function measure(deployment: Deployment, groups: readonly string[], now: Date): Promise<Measured> {
  const { aws } = deployment;
  const window = { StartTime: new Date(now.getTime() - DAYS * DAY_MS), EndTime: now, Period: DAY_MS / 1000 };
  const logBytes = new Map<string, number>();
  for (const group of groups) {
    const { Datapoints: points = [] } = await aws.cloudWatch('GetMetricStatistics', (cloudWatch) =>
      cloudWatch.getMetricStatistics({
        Namespace: 'AWS/Logs',
        MetricName: 'IncomingBytes',
        Dimensions: [{ Name: 'LogGroupName', Value: group }],
        Statistics: ['Sum'],
        ...window,
      }),
    );
    if (points.length === 0) continue;
    const bytes = points.reduce((sum, { Sum = 0 }) => sum + Sum, 0);
    logBytes.set(group, (bytes / points.length) * DAYS_OF_A_MONTH);
  }
  const { Datapoints: sizes = [] } = await aws.cloudWatch('GetMetricStatistics', async (cloudWatch) =>
    cloudWatch.getMetricStatistics({
      Namespace: 'AWS/S3',
      MetricName: 'BucketSizeBytes',
      Dimensions: [
        { Name: 'BucketName', Value: await deployment.bucket() },
        { Name: 'StorageType', Value: 'StandardStorage' },
      ],
      Statistics: ['Average'],
      ...window,
    }),
  );
  const newest = sizes.sort((a, b) => (b.Timestamp?.getTime() ?? 0) - (a.Timestamp?.getTime() ?? 0))[0];
  return { logBytes, bucketBytes: newest?.Average };
}
