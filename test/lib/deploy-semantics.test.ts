import { aws_ec2 as ec2, Stack } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { Template } from 'aws-cdk-lib/assertions';
import { SingleInstanceGroup } from '../../lib/constructs/single-instance-group';
import { Network } from '../../lib/constructs/network';
import { only, openClawStack, synthesize, synthesizeAnew, testApp } from './support/synthesize';

/**
 * What CloudFormation compares to decide on a rolling update of the group: its launch template, by the number of the
 * newest version, and its subnets. A version is made when the template's data change.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html
 */
function machineOf(template: Template): unknown {
  const group = only(template, 'AWS::AutoScaling::AutoScalingGroup').Properties;
  const launch = only(template, 'AWS::EC2::LaunchTemplate').Properties;
  return [launch.LaunchTemplateData, group.LaunchTemplate, group.VPCZoneIdentifier, group.MixedInstancesPolicy];
}

function fingerprintOf(template: Template): string {
  const { LaunchTemplateData: data } = only(template, 'AWS::EC2::LaunchTemplate').Properties;
  const [, fingerprint] = /# fingerprint: ([0-9a-f]+)/.exec(JSON.stringify(data)) ?? [];
  if (fingerprint === undefined) throw new Error('the user data has no fingerprint');
  return fingerprint;
}

const before = machineOf(synthesize());

describe('a deploy replaces the machine after a change of', () => {
  test.each<[string, Record<string, unknown>]>([
    ['the zone, inside its region', { az: 'me-central-1b' }],
    ['the image', { image: 'ghcr.io/openclaw/openclaw:2026.10.1' }],
    ['the instance type', { instanceType: 't4g.medium' }],
    ['the architecture', { instanceType: 't3.small' }],
    ['the size of the volume', { rootVolumeSizeGib: 20 }],
    ['the market', { market: 'on-demand' }],
    ['the ceiling', { maxPrice: 0.01 }],
    ['the CPU credits', { cpuCredits: 'unlimited' }],
    ['the AMI, where one is pinned', { ami: 'ami-0123456789abcdef0' }],
    ['the way of backups', { backup: 'mirror' }],
    ['the interval of backups', { backupIntervalMinutes: 10 }],
    ['the number of backups that stay', { backupKeepDaily: 30 }],
    ['the approval of devices', { autoApproveDevices: true }],
  ])('%s', (_, context) => {
    expect(machineOf(synthesize(context))).not.toEqual(before);
  });

  // By its user data a machine tells whether a deploy or something else replaced the one before it.
  test.each<[string, Record<string, unknown>]>([
    ['the zone', { az: 'me-central-1b' }],
    ['the instance type', { instanceType: 't4g.medium' }],
    ['the size of the volume', { rootVolumeSizeGib: 20 }],
    ['the market', { market: 'on-demand' }],
    ['the ceiling', { maxPrice: 0.01 }],
    ['the CPU credits', { cpuCredits: 'unlimited' }],
    ['the AMI', { ami: 'ami-0123456789abcdef0' }],
  ])('%s, and the machine can tell by its fingerprint', (_, context) => {
    expect(fingerprintOf(synthesize(context))).not.toBe(fingerprintOf(synthesize()));
    expect(fingerprintOf(synthesizeAnew(context))).toBe(fingerprintOf(synthesize(context)));
  });

  test('a file of the machine', () => {
    const withFile = (text: string) => {
      const stack = new Stack(testApp(), 'Stack', { env: { region: 'me-central-1' } });
      Object.defineProperty(stack, 'availabilityZones', { value: ['me-central-1a'] });
      new SingleInstanceGroup(stack, 'SingleInstanceGroup', {
        groupName: 'openclaw-dev',
        network: new Network(stack, 'Network', {
          availabilityZone: 'me-central-1a',
        }),
        role: new Role(stack, 'Role', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') }),
        instanceType: new ec2.InstanceType('t4g.small'),
        rootVolumeSizeGib: 15,
        init: ec2.CloudFormationInit.fromElements(ec2.InitFile.fromString('/etc/openclaw/file', text)),
        notifications: new Topic(stack, 'Topic'),
      });
      return machineOf(Template.fromStack(stack));
    };
    expect(withFile('one')).toEqual(withFile('one'));
    expect(withFile('one')).not.toEqual(withFile('two'));
  });
});

describe('a deploy is of another deployment, with a bucket of its own, after a change of', () => {
  const identity = (context: Record<string, unknown>) => {
    const { stackName, region } = openClawStack(context);
    return [`${stackName} in ${region}`, only(synthesize(context), 'AWS::S3::Bucket').Properties.BucketName];
  };

  test.each<[string, Record<string, unknown>]>([
    ['the name', { stack: 'prod' }],
    ['the region', { az: 'eu-west-1a' }],
  ])('%s', (_, context) => {
    const [stack, bucket] = identity({});
    expect(identity(context)).not.toContain(stack);
    expect(identity(context)).not.toContain(bucket);
  });

  test('but not of the zone inside the region: the stack, the bucket and the network go on', () => {
    const zone = { az: 'me-central-1b' };
    expect(identity(zone)).toEqual(identity({}));
    const vpc = (context: Record<string, unknown>) => only(synthesize(context), 'AWS::EC2::VPC');
    expect(vpc(zone)).toEqual(vpc({}));
  });
});

describe('a deploy leaves the machine alone after a change of', () => {
  test.each<[string, Record<string, unknown>]>([
    ['nothing', {}],
    ['who is told of alarms', { alarmEmail: 'ops@example.com' }],
    ['the retention of logs', { logRetentionDays: 90 }],
  ])('%s', (_, context) => {
    expect(machineOf(synthesizeAnew(context))).toEqual(before);
  });

  test('the newest AMI: it is looked up when a machine is launched, not when a template is made', () => {
    const data = only(synthesize(), 'AWS::EC2::LaunchTemplate').Properties.LaunchTemplateData as Record<
      string,
      unknown
    >;
    expect(data.ImageId).toMatch(/^resolve:ssm:\/aws\/service\/ami-amazon-linux-latest\//);
    expect(Object.keys((synthesize().toJSON() as { Parameters?: object }).Parameters ?? {})).toEqual(
      expect.not.arrayContaining([expect.stringMatching(/ami/i)]),
    );
  });

  test('alarms and dashboards: the machine holds no reference that changes with them', () => {
    const template = synthesize({ observability: 'full' });
    const references = JSON.stringify(only(template, 'AWS::EC2::LaunchTemplate'));
    for (const type of ['AWS::CloudWatch::Alarm', 'AWS::CloudWatch::Dashboard']) {
      const resources = Object.keys(template.findResources(type));
      expect(resources.length).toBeGreaterThan(0);
      for (const id of resources) expect(references).not.toContain(id);
    }
  });
});
