import type { AutoScaling } from '@aws-sdk/client-auto-scaling';
import type { CloudWatch } from '@aws-sdk/client-cloudwatch';
import type { CloudWatchLogs } from '@aws-sdk/client-cloudwatch-logs';
import type { EC2 } from '@aws-sdk/client-ec2';
import type { S3 } from '@aws-sdk/client-s3';
import type { ServiceQuotas } from '@aws-sdk/client-service-quotas';
import type { SSM } from '@aws-sdk/client-ssm';
import type { STS } from '@aws-sdk/client-sts';
import { asking, CLIENT_SETTINGS } from './calls';

/** Asks one service: `ask('DescribeThing', (client) => client.describeThing({…}))`; failures are {@link AwsCallError}s. */
export type Service<Client> = <T>(action: string, call: (client: Client) => Promise<T>) => Promise<T>;

// A client takes 0.1 to 0.5 s to load: none is loaded before it is asked something.
function service<Client>(name: string, region: string, load: () => Promise<Client>): Service<Client> {
  let client: Promise<Client> | undefined;
  return async (action, call) => {
    const loaded = await (client ??= load());
    return asking(`${name}:${action}`, region, () => call(loaded));
  };
}

/** The services of one region, with the SDK's default credential chain. Actions go by their IAM names. */
export class Clients {
  readonly autoScaling: Service<AutoScaling>;
  readonly cloudWatch: Service<CloudWatch>;
  readonly ec2: Service<EC2>;
  readonly logs: Service<CloudWatchLogs>;
  readonly quotas: Service<ServiceQuotas>;
  readonly s3: Service<S3>;
  readonly ssm: Service<SSM>;
  readonly sts: Service<STS>;

  constructor(readonly region: string) {
    const settings = { region, ...CLIENT_SETTINGS };
    const of = <Client>(name: string, load: () => Promise<Client>) => service(name, region, load);
    this.autoScaling = of('autoscaling', async () => {
      const { AutoScaling } = await import('@aws-sdk/client-auto-scaling');
      return new AutoScaling(settings);
    });
    this.cloudWatch = of('cloudwatch', async () => {
      const { CloudWatch } = await import('@aws-sdk/client-cloudwatch');
      return new CloudWatch(settings);
    });
    this.ec2 = of('ec2', async () => {
      const { EC2 } = await import('@aws-sdk/client-ec2');
      return new EC2(settings);
    });
    this.logs = of('logs', async () => {
      const { CloudWatchLogs } = await import('@aws-sdk/client-cloudwatch-logs');
      return new CloudWatchLogs(settings);
    });
    this.quotas = of('servicequotas', async () => {
      const { ServiceQuotas } = await import('@aws-sdk/client-service-quotas');
      return new ServiceQuotas(settings);
    });
    this.s3 = of('s3', async () => {
      const { S3 } = await import('@aws-sdk/client-s3');
      return new S3(settings);
    });
    this.ssm = of('ssm', async () => {
      const { SSM } = await import('@aws-sdk/client-ssm');
      return new SSM(settings);
    });
    this.sts = of('sts', async () => {
      const { STS } = await import('@aws-sdk/client-sts');
      return new STS(settings);
    });
  }
}
