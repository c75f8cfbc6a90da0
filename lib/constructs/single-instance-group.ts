import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { aws_autoscaling as autoscaling, aws_ec2 as ec2, Duration, Stack, Tags, Validations } from 'aws-cdk-lib';
import type { IRole } from 'aws-cdk-lib/aws-iam';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { CpuCredits } from '../config/config';
import type { ScheduledTime } from '../config/schedule';
import type { Network } from './network';

export interface SingleInstanceGroupProps {
  /** Name of the group, and the instance's Name tag. */
  readonly groupName: string;
  readonly network: Network;
  readonly role: IRole;
  readonly instanceType: ec2.InstanceType;
  /**
   * Credit option of a burstable type.
   * @default - the type is not burstable
   */
  readonly cpuCredits?: CpuCredits;
  /** Size of the encrypted root volume. */
  readonly rootVolumeSizeGib: number;
  /** What cfn-init does on a new instance. */
  readonly init: ec2.CloudFormationInit;
  /**
   * Buy spot capacity.
   * @default - on-demand capacity
   */
  readonly spot?: SpotCapacity;
  /**
   * AMI id.
   * @default - the latest Amazon Linux 2023 of the type's architecture, looked up at each launch
   */
  readonly ami?: string;
  /** Told of launches and ends that fail. */
  readonly notifications: ITopic;
  /**
   * When the machine goes, drained as at every scale-in, and comes.
   * @default - it is always there
   */
  readonly schedule?: readonly ScheduledTime[];
  /**
   * IANA name of the schedule's time zone.
   * @default - UTC
   */
  readonly scheduleTimeZone?: string;
}

export interface SpotCapacity {
  /**
   * Ceiling in USD per hour.
   * @default - the on-demand price
   */
  readonly maxPrice?: number;
}

const USER_DATA = path.join(__dirname, '..', '..', 'assets', 'user-data.sh');

// Packages, image and a restore; the deploy fails at once when the machine itself says that it failed.
const BOOT_TIMEOUT = Duration.minutes(20);

// The group waits while the machine drains and sends heartbeats; one that says nothing for so long is dead.
const DRAIN: autoscaling.CfnAutoScalingGroup.LifecycleHookSpecificationProperty = {
  lifecycleHookName: 'drain',
  lifecycleTransition: autoscaling.LifecycleTransition.INSTANCE_TERMINATING,
  heartbeatTimeout: Duration.minutes(2).toSeconds(),
  defaultResult: autoscaling.DefaultResult.CONTINUE,
};

const CPU_CREDITS = { standard: ec2.CpuCredits.STANDARD, unlimited: ec2.CpuCredits.UNLIMITED };

/** Logical id of the group, by which a machine finds what it is to become and says how that went. */
const GROUP_RESOURCE = 'Group';

/** An Auto Scaling group that replaces the one machine when it is lost, and never runs two. */
export class SingleInstanceGroup extends Construct {
  readonly group: autoscaling.AutoScalingGroup;

  constructor(scope: Construct, id: string, props: SingleInstanceGroupProps) {
    super(scope, id);

    const userData = ec2.UserData.forLinux();
    const launchTemplate = new ec2.LaunchTemplate(this, 'LaunchTemplate', {
      instanceType: props.instanceType,
      machineImage: machineImage(this, props),
      userData,
      // An instance that cannot become a machine powers itself off, which must be its end. That takes no call of AWS,
      // which may be what is missing, and no right; the group launches another.
      instanceInitiatedShutdownBehavior: ec2.InstanceInitiatedShutdownBehavior.TERMINATE,
      cpuCredits: props.cpuCredits && CPU_CREDITS[props.cpuCredits],
      role: props.role,
      securityGroup: props.network.securityGroup,
      // A group takes a spot template only for one-time requests without an end; a persistent one would outlive its stack.
      ...(props.spot && {
        spotOptions: {
          requestType: ec2.SpotRequestType.ONE_TIME,
          ...(props.spot.maxPrice !== undefined && { maxPrice: props.spot.maxPrice }),
        },
      }),
      // One hop: the metadata service, and with it the role, is out of the containers' reach.
      requireImdsv2: true,
      httpPutResponseHopLimit: 1,
      blockDevices: [
        {
          deviceName: '/dev/xvda',
          volume: ec2.BlockDeviceVolume.ebs(props.rootVolumeSizeGib, {
            volumeType: ec2.EbsDeviceVolumeType.GP3,
            encrypted: true,
            deleteOnTermination: true,
          }),
        },
      ],
    });

    const { vpc } = props.network;
    this.group = new autoscaling.AutoScalingGroup(this, 'Group', {
      // The role must name the group before it exists, and still when it goes.
      autoScalingGroupName: props.groupName,
      vpc,
      vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC },
      launchTemplate,
      minCapacity: 1,
      maxCapacity: 1,
      // It launches first and terminates later: two writers.
      capacityRebalance: false,
      signals: autoscaling.Signals.waitForCount(1, { timeout: BOOT_TIMEOUT }),
      updatePolicy: autoscaling.UpdatePolicy.rollingUpdate({
        minInstancesInService: 0,
        maxBatchSize: 1,
        pauseTime: BOOT_TIMEOUT,
      }),
      notifications: [{ topic: props.notifications, scalingEvents: autoscaling.ScalingEvents.ERRORS }],
      // By which alarms on silence know a group that is to have no machine. Metrics of a group are free.
      groupMetrics: [new autoscaling.GroupMetrics(autoscaling.GroupMetric.DESIRED_CAPACITY)],
    });
    for (const [index, { action, recurrence }] of (props.schedule ?? []).entries()) {
      const machines = action === 'stop' ? 0 : 1;
      this.group.scaleOnSchedule(`${action}${index}`, {
        schedule: autoscaling.Schedule.expression(recurrence),
        timeZone: props.scheduleTimeZone,
        minCapacity: machines,
        desiredCapacity: machines,
      });
    }
    Validations.of(this.group).acknowledge({
      id: 'AwsSolutions-AS3',
      reason:
        'Successful replacements are announced once by the new machine, which knows the reason; the group notifies about failures only',
    });
    // In the group's own properties: a hook that is a resource of its own would be gone before the group at a destroy.
    const resource = this.group.node.defaultChild as autoscaling.CfnAutoScalingGroup;
    resource.lifecycleHookSpecificationList = [DRAIN];
    // Said here, because an account can make launching first the default of its groups.
    resource.instanceMaintenancePolicy = { minHealthyPercentage: 0, maxHealthyPercentage: 100 };
    resource.overrideLogicalId(GROUP_RESOURCE);
    userData.addCommands(...this.instructions(resource, props));
    for (const named of [launchTemplate, this.group]) Tags.of(named).add('Name', props.groupName);
    // The machine needs its rights and its way out from the first second to the last: at a destroy they go after it.
    this.group.node.addDependency(props.role, vpc);
  }

  /**
   * What user data does. The CDK's own lines run cfn-init once, and signal whatever comes of it; of them only the
   * fingerprint stays, by which a change of the init is a change of the launch template.
   */
  private instructions(resource: autoscaling.CfnAutoScalingGroup, { init, role }: SingleInstanceGroupProps): string[] {
    const own = ec2.UserData.forLinux();
    init.attach(resource, { platform: ec2.OperatingSystemType.LINUX, instanceRole: role, userData: own });
    const [fingerprint] = /^# fingerprint: [0-9a-f]+$/m.exec(own.render()) ?? [];
    if (fingerprint === undefined) throw new Error('the CDK has put no fingerprint of the init into user data');
    const { stackName, region } = Stack.of(this);
    const names = { STACK: stackName, REGION: region, RESOURCE: GROUP_RESOURCE };
    return [
      fingerprint,
      ...Object.entries({ ...names, SIGNAL_SECONDS: BOOT_TIMEOUT.toSeconds() }).map((pair) => pair.join('=')),
      readFileSync(USER_DATA, 'utf8'),
    ];
  }
}

function machineImage(scope: Construct, { ami, instanceType }: SingleInstanceGroupProps): ec2.IMachineImage {
  if (ami !== undefined) return ec2.MachineImage.genericLinux({ [Stack.of(scope).region]: ami });
  const arch = instanceType.architecture === ec2.InstanceArchitecture.ARM_64 ? 'arm64' : 'x86_64';
  // Resolved by EC2 when it launches, not by the template: a new AMI must not replace the machine at the next deploy.
  return ec2.MachineImage.resolveSsmParameterAtLaunch(
    `/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${arch}`,
  );
}
