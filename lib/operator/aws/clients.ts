import type { AutoScaling } from '@aws-sdk/client-auto-scaling';
import type { CloudFormation } from '@aws-sdk/client-cloudformation';
import type { CloudWatch } from '@aws-sdk/client-cloudwatch';
import type { CloudWatchLogs } from '@aws-sdk/client-cloudwatch-logs';
import type { EC2 } from '@aws-sdk/client-ec2';
import type { S3 } from '@aws-sdk/client-s3';
import type { ServiceQuotas } from '@aws-sdk/client-service-quotas';
import type { SSM } from '@aws-sdk/client-ssm';
import type { STS } from '@aws-sdk/client-sts';
import { asking, CLIENT_SETTINGS } from './calls';
import { sdk } from './sdk';

/** Asks one service: `ask('DescribeThing', (client) => client.describeThing({…}))`; failures are {@link AwsCallError}s. */
export type Service<Client> = <T>(action: string, call: (client: Client) => Promise<T>) => Promise<T>;

function service<Client>(name: string, region: string, make: () => Client): Service<Client> {
  let client: Client | undefined;
  return (action, call) => {
    const made = (client ??= make());
    return asking(`${name}:${action}`, region, () => call(made));
  };
}

/** Temporary credentials of a role. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

/** The services of one region. Actions go by their IAM names. */
export class Clients {
  readonly autoScaling: Service<AutoScaling>;
  readonly cloudFormation: Service<CloudFormation>;
  readonly cloudWatch: Service<CloudWatch>;
  readonly ec2: Service<EC2>;
  readonly logs: Service<CloudWatchLogs>;
  readonly quotas: Service<ServiceQuotas>;
  readonly s3: Service<S3>;
  readonly ssm: Service<SSM>;
  readonly sts: Service<STS>;

  /** @param credentials - @default - what the SDK's default chain finds */
  constructor(
    readonly region: string,
    credentials?: Credentials,
  ) {
    const settings = { region, ...CLIENT_SETTINGS, ...(credentials && { credentials }) };
    this.autoScaling = service('autoscaling', region, () => new (sdk.autoScaling().AutoScaling)(settings));
    this.cloudFormation = service('cloudformation', region, () => new (sdk.cloudFormation().CloudFormation)(settings));
    this.cloudWatch = service('cloudwatch', region, () => new (sdk.cloudWatch().CloudWatch)(settings));
    this.ec2 = service('ec2', region, () => new (sdk.ec2().EC2)(settings));
    this.logs = service('logs', region, () => new (sdk.logs().CloudWatchLogs)(settings));
    this.quotas = service('servicequotas', region, () => new (sdk.quotas().ServiceQuotas)(settings));
    this.s3 = service('s3', region, () => new (sdk.s3().S3)(settings));
    this.ssm = service('ssm', region, () => new (sdk.ssm().SSM)(settings));
    this.sts = service('sts', region, () => new (sdk.sts().STS)(settings));
  }
}
