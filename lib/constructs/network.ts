import { aws_ec2 as ec2, Validations } from 'aws-cdk-lib';
import { Construct } from 'constructs';

export interface NetworkProps {
  /** The one zone that has a subnet. */
  readonly availabilityZone: string;
  /**
   * Receives the flow logs.
   * @default - there are none
   */
  readonly flowLogs?: ec2.FlowLogDestination;
}

/**
 * Each zone has a range of its own: when the zone changes, the new subnet is made while the old one is still there, and
 * two subnets with the same addresses cannot be in one VPC.
 */
function addressesOf(availabilityZone: string): ec2.IIpAddresses {
  const place = availabilityZone.charCodeAt(availabilityZone.length - 1) - 'a'.charCodeAt(0);
  return {
    allocateVpcCidr: () => ({ cidrBlock: '10.0.0.0/16' }),
    allocateSubnetsCidr: () => ({ allocatedSubnets: [{ cidr: `10.0.${place}.0/24` }] }),
  };
}

/** One public subnet, a way out, and no way in. */
export class Network extends Construct {
  readonly vpc: ec2.Vpc;
  /** Lets everything out and nothing in. */
  readonly securityGroup: ec2.SecurityGroup;

  constructor(scope: Construct, id: string, props: NetworkProps) {
    super(scope, id);

    this.vpc = new ec2.Vpc(this, 'Vpc', {
      availabilityZones: [props.availabilityZone],
      ipAddresses: addressesOf(props.availabilityZone),
      subnetConfiguration: [{ name: 'Public', subnetType: ec2.SubnetType.PUBLIC }],
      natGateways: 0,
      // Backups and package repositories go to S3: through the endpoint they cost nothing and stay inside AWS.
      gatewayEndpoints: { S3: { service: ec2.GatewayVpcEndpointAwsService.S3 } },
      // Emptying the default group would take a Lambda function with rights on security groups; nothing is ever in it.
      restrictDefaultSecurityGroup: false,
    });
    for (const subnet of this.vpc.publicSubnets) {
      Validations.of(subnet).acknowledge({
        id: 'CloudFormation-Validate::W3010',
        reason: 'The zone is pinned on purpose: the deployment says where capacity is bought',
      });
    }
    if (props.flowLogs) {
      this.vpc.addFlowLog('FlowLog', { destination: props.flowLogs, trafficType: ec2.FlowLogTrafficType.ALL });
    } else {
      Validations.of(this.vpc).acknowledge({
        id: 'AwsSolutions-VPC7',
        reason: 'Turned off by the setting flowLogs: nothing listens here, and the one machine has a log of its own',
      });
    }

    this.securityGroup = new ec2.SecurityGroup(this, 'SecurityGroup', {
      vpc: this.vpc,
      description: 'OpenClaw machine: no inbound rule, people come in through Session Manager',
      // Channels, model providers and plugins are wherever the user's configuration says.
      allowAllOutbound: true,
    });
  }
}
