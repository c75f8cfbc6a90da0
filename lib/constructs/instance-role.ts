import { aws_ecr as ecr, aws_iam as iam, ArnFormat, Stack } from 'aws-cdk-lib';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { EcrRepository } from '../config/image-reference';
import { allow } from './permission';
import type { StateBucket } from './state-bucket';

export interface InstanceRoleProps {
  /** Path of the deployment's parameters, e.g. `/openclaw/dev`. */
  readonly parameterPath: string;
  /** Log groups that the machine writes. */
  readonly logGroups: readonly ILogGroup[];
  /** Namespace of all metrics that the machine publishes. */
  readonly metricNamespace: string;
  /** Name of the group that the machine is launched by. */
  readonly groupName: string;
  /**
   * Where state is kept.
   * @default - there is no bucket to use
   */
  readonly stateBucket?: StateBucket;
  /**
   * Repository of the image, where that is ECR.
   * @default - nothing is granted in ECR
   */
  readonly imageRepository?: EcrRepository;
}

/** What the machine may do: only what it does, on this deployment's resources. */
export class InstanceRole extends Construct {
  readonly role: iam.Role;

  constructor(scope: Construct, id: string, props: InstanceRoleProps) {
    super(scope, id);

    this.role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com'),
      description: 'OpenClaw machine',
    });
    this.grantParameters(props.parameterPath);
    this.grantSessions();
    this.grantGroup(props.groupName);
    this.grantMetrics(props.metricNamespace);
    for (const logGroup of props.logGroups) {
      logGroup.grant(this.role, 'logs:CreateLogStream', 'logs:PutLogEvents', 'logs:DescribeLogStreams');
    }
    // Its rights on the bucket stand beside the bucket's keys.
    props.stateBucket?.grantMachine(this.role);
    if (props.imageRepository) this.grantPull(props.imageRepository);
  }

  private grantParameters(path: string): void {
    const parameter = (name: string) =>
      Stack.of(this).formatArn({ service: 'ssm', resource: 'parameter', resourceName: `${path.slice(1)}/${name}` });
    allow(this.role, {
      actions: ['ssm:GetParametersByPath', 'ssm:GetParameter'],
      resources: [parameter('*')],
      wildcard: 'Every variable of this deployment, under names that its user chooses',
    });
    // What the machine makes once: with another password or key it could not read, or would not believe, what there is.
    // Every other parameter but the image and the engine that it records is the user's.
    // https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-policy-conditions.html
    allow(this.role, {
      actions: ['ssm:PutParameter'],
      resources: ['env/OPENCLAW_GATEWAY_TOKEN', 'restic-password', 'state-key', 'state-signed-from'].map(parameter),
      conditions: { StringEquals: { 'ssm:Overwrite': 'false' } },
    });
    allow(this.role, { actions: ['ssm:PutParameter'], resources: ['image', 'backup-engine'].map(parameter) });
  }

  /** The channels of Session Manager; the managed policy would also let the machine read every parameter of the account. */
  private grantSessions(): void {
    allow(this.role, {
      actions: ['ssm:UpdateInstanceInformation'],
      resources: [Stack.of(this).formatArn({ service: 'ec2', resource: 'instance', resourceName: '*' })],
      wildcard: 'The instance that the group launches has no id yet; it can only report on its own agent',
    });
    allow(this.role, {
      actions: [
        'ssmmessages:CreateControlChannel',
        'ssmmessages:CreateDataChannel',
        'ssmmessages:OpenControlChannel',
        'ssmmessages:OpenDataChannel',
      ],
      resources: ['*'],
      wildcard: 'The session channels have no resource type: the service takes only *',
    });
  }

  private grantGroup(groupName: string): void {
    allow(this.role, {
      actions: [
        'autoscaling:CompleteLifecycleAction',
        'autoscaling:RecordLifecycleActionHeartbeat',
        'autoscaling:SetInstanceHealth',
      ],
      resources: [
        Stack.of(this).formatArn({
          service: 'autoscaling',
          resource: 'autoScalingGroup',
          resourceName: `*:autoScalingGroupName/${groupName}`,
          arnFormat: ArnFormat.COLON_RESOURCE_NAME,
        }),
      ],
      wildcard: "The id that Auto Scaling puts before the group's own, whole name",
    });
    allow(this.role, {
      actions: ['ec2:DescribeInstances', 'ec2:DescribeTags'],
      resources: ['*'],
      wildcard: 'Describe calls take only *: is the former holder of the lease still running, which group is this',
    });
  }

  private grantMetrics(namespace: string): void {
    allow(this.role, {
      actions: ['cloudwatch:PutMetricData'],
      resources: ['*'],
      conditions: { StringEquals: { 'cloudwatch:namespace': namespace } },
      wildcard: "PutMetricData takes only *: the condition narrows it to the deployment's namespace",
    });
  }

  private grantPull(image: EcrRepository): void {
    const repository = ecr.Repository.fromRepositoryArn(
      this,
      'ImageRepository',
      Stack.of(this).formatArn({
        service: 'ecr',
        region: image.region,
        account: image.account,
        resource: 'repository',
        resourceName: image.repositoryName,
      }),
    );
    repository.grantPull(this.role);
  }
}
