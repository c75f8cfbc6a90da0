import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import type { Template } from 'aws-cdk-lib/assertions';
import { only, REPOSITORY, synthesize, synthesizeAnew } from '../support/synthesize';

const template = synthesize();
const group = only(template, 'AWS::AutoScaling::AutoScalingGroup');

function launchData(of: Template): Record<string, unknown> {
  return only(of, 'AWS::EC2::LaunchTemplate').Properties.LaunchTemplateData as Record<string, unknown>;
}

describe('the group', () => {
  test('is one machine in the pinned zone', () => {
    expect(group.Properties).toMatchObject({
      AutoScalingGroupName: 'openclaw-dev',
      MinSize: '1',
      MaxSize: '1',
      VPCZoneIdentifier: [{ Ref: only(template, 'AWS::EC2::Subnet').id }],
    });
    expect(group.Properties).not.toHaveProperty('DesiredCapacity');
  });

  test('comes and goes by its schedule, in its time zone', () => {
    const schedule = { schedule: 'stop 0 23 * * *, start 0 7 * * 1-5', scheduleTimeZone: 'Asia/Dubai' };
    const planned = Object.values(synthesize(schedule).findResources('AWS::AutoScaling::ScheduledAction'));
    expect(planned.map(({ Properties }) => Properties as unknown)).toEqual(
      [
        { MinSize: 0, DesiredCapacity: 0, Recurrence: '0 23 * * *' },
        { MinSize: 1, DesiredCapacity: 1, Recurrence: '0 7 * * 1-5' },
      ].map((size) => ({ AutoScalingGroupName: { Ref: group.id }, TimeZone: 'Asia/Dubai', ...size })),
    );
    template.resourceCountIs('AWS::AutoScaling::ScheduledAction', 0);
  });

  // https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html
  test('stays paused in a deploy, which leaves its size alone', () => {
    expect(group).toMatchObject({
      UpdatePolicy: { AutoScalingScheduledAction: { IgnoreUnmodifiedGroupSizeProperties: true } },
    });
  });

  test('never launches before it terminates', () => {
    expect(group.Properties).toMatchObject({
      CapacityRebalance: false,
      InstanceMaintenancePolicy: { MinHealthyPercentage: 0, MaxHealthyPercentage: 100 },
    });
    expect(group).toMatchObject({
      UpdatePolicy: { AutoScalingRollingUpdate: { MinInstancesInService: 0, MaxBatchSize: 1 } },
    });
  });

  test('waits for the machine to say that it is good', () => {
    expect(group).toMatchObject({
      CreationPolicy: { ResourceSignal: { Count: 1, Timeout: 'PT20M' } },
      UpdatePolicy: { AutoScalingRollingUpdate: { WaitOnResourceSignals: true, PauseTime: 'PT20M' } },
    });
  });

  test('names and marks its instances and volumes', () => {
    const tags = { Name: 'openclaw-dev', 'openclaw:stack': 'dev' };
    expect(group.Properties.Tags).toEqual(
      Object.entries(tags).map(([Key, Value]) => ({ Key, Value, PropagateAtLaunch: true })),
    );
    const marks = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    expect(launchData(template).TagSpecifications).toEqual([
      { ResourceType: 'instance', Tags: marks },
      { ResourceType: 'volume', Tags: marks },
    ]);
  });

  test.each([
    'AWS::IAM::Policy',
    'AWS::EC2::Route',
    'AWS::EC2::SubnetRouteTableAssociation',
    'AWS::EC2::VPCGatewayAttachment',
    'AWS::EC2::VPCEndpoint',
  ])('starts after and goes before every %s that the machine needs to the end', (type) => {
    const needed = Object.entries(template.findResources(type)).map(([id]) => id);
    expect(needed.length).toBeGreaterThan(0);
    expect(group.DependsOn).toEqual(expect.arrayContaining(needed));
  });

  test('lets a machine that it ends drain first, for as long as it gives a sign of life', () => {
    expect(group.Properties.LifecycleHookSpecificationList).toEqual([
      {
        LifecycleHookName: 'drain',
        LifecycleTransition: 'autoscaling:EC2_INSTANCE_TERMINATING',
        HeartbeatTimeout: 120,
        DefaultResult: 'CONTINUE',
      },
    ]);
    template.resourceCountIs('AWS::AutoScaling::LifecycleHook', 0);
  });

  test('tells of launches and ends that fail; of the others the machine tells', () => {
    const failures = ['autoscaling:EC2_INSTANCE_LAUNCH_ERROR', 'autoscaling:EC2_INSTANCE_TERMINATE_ERROR'];
    expect(group.Properties.NotificationConfigurations).toEqual([
      { TopicARN: { Ref: only(template, 'AWS::SNS::Topic').id }, NotificationTypes: failures },
    ]);
  });
});

describe('capacity', () => {
  test('is one-time spot without an end', () => {
    expect(launchData(template)).toMatchObject({
      InstanceType: 't4g.small',
      InstanceMarketOptions: { MarketType: 'spot', SpotOptions: { SpotInstanceType: 'one-time' } },
    });
    expect(JSON.stringify(launchData(template))).not.toMatch(/MaxPrice|ValidUntil/);
  });

  test('has a ceiling where one is given', () => {
    expect(launchData(synthesize({ maxPrice: '0.0105' }))).toMatchObject({
      InstanceMarketOptions: { SpotOptions: { SpotInstanceType: 'one-time', MaxPrice: '0.0105' } },
    });
  });

  test('is not spot with market=on-demand', () => {
    expect(launchData(synthesize({ market: 'on-demand' }))).not.toHaveProperty('InstanceMarketOptions');
  });
});

describe('CPU credits', () => {
  test.each([
    [{}, 'standard'],
    [{ market: 'on-demand' }, 'standard'],
    [{ instanceType: 't3.small', cpuCredits: 'unlimited' }, 'unlimited'],
  ])('with %j are %s, whatever the default of the type', (context, CpuCredits) => {
    expect(launchData(synthesize(context)).CreditSpecification).toEqual({ CpuCredits });
  });

  test('are not said for a type that has none, which EC2 refuses', () => {
    expect(launchData(synthesize({ instanceType: 'c7g.large' }))).not.toHaveProperty('CreditSpecification');
  });
});

describe('the instance', () => {
  test('has a metadata service out of reach of containers', () => {
    expect(launchData(template).MetadataOptions).toEqual({ HttpTokens: 'required', HttpPutResponseHopLimit: 1 });
  });

  test('has an encrypted root volume of the asked size that dies with it', () => {
    expect(launchData(synthesize({ rootVolumeSizeGib: 42 })).BlockDeviceMappings).toEqual([
      {
        DeviceName: '/dev/xvda',
        Ebs: { VolumeType: 'gp3', VolumeSize: 42, Encrypted: true, DeleteOnTermination: true },
      },
    ]);
  });

  test.each([
    ['t4g.small', 'arm64'],
    ['t3.small', 'x86_64'],
  ])('%s starts the newest Amazon Linux 2023 for %s of the day it is launched', (instanceType, arch) => {
    const launched = synthesize({ instanceType });
    expect(launchData(launched).ImageId).toBe(
      `resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${arch}`,
    );
    // A parameter of the template would be resolved at each deploy: a new AMI would replace the machine.
    expect(Object.keys(launched.toJSON().Parameters as object)).toEqual(['BootstrapVersion']);
  });

  test('starts the pinned AMI where one is given', () => {
    expect(launchData(synthesize({ ami: 'ami-0123456789abcdef0' })).ImageId).toBe('ami-0123456789abcdef0');
  });

  test('is told by user data where its description is, what to do with it, and nothing else', () => {
    const { UserData } = launchData(template) as { UserData: { 'Fn::Base64': string } };
    const text = UserData['Fn::Base64'];
    expect(text.replace(/[0-9a-f]{16}/, '<hash>')).toBe(
      [
        '#!/bin/bash',
        '# fingerprint: <hash>',
        'STACK=openclaw-dev',
        'REGION=me-central-1',
        `RESOURCE=${group.id}`,
        'SIGNAL_SECONDS=1200',
        readFileSync(path.join(REPOSITORY, 'assets', 'user-data.sh'), 'utf8'),
      ].join('\n'),
    );
    // EC2 takes no more than 16 KiB.
    expect(Buffer.byteLength(text)).toBeLessThan(16 * 1024);
  });

  test('asks only for config sets that its description has', () => {
    const asked = readFileSync(path.join(REPOSITORY, 'assets', 'user-data.sh'), 'utf8').matchAll(/^apply (\w+)$/gm);
    const init = group.Metadata?.['AWS::CloudFormation::Init'] as { configSets: Record<string, string[]> };
    expect([...asked].map(([, name]) => name)).toEqual(Object.keys(init.configSets));
  });

  test('is gone when it shuts down by itself, and the group launches another', () => {
    expect(launchData(template).InstanceInitiatedShutdownBehavior).toBe('terminate');
  });

  test('is replaced when what it runs changes', () => {
    const userData = (of: Template) => JSON.stringify(launchData(of).UserData);
    expect(userData(synthesize({ image: 'ghcr.io/openclaw/openclaw:2026.9.7' }))).not.toBe(userData(template));
    expect(userData(synthesizeAnew())).toBe(userData(template));
  });
});
