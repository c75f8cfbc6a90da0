import { Match } from 'aws-cdk-lib/assertions';
import { only, synthesize, type Resource } from '../support/synthesize';

const template = synthesize();

test('is one public subnet in the pinned zone', () => {
  expect(only(template, 'AWS::EC2::Subnet').Properties).toMatchObject({ AvailabilityZone: 'me-central-1a' });
  template.hasResourceProperties('AWS::EC2::Route', {
    DestinationCidrBlock: '0.0.0.0/0',
    GatewayId: { Ref: only(template, 'AWS::EC2::InternetGateway').id },
  });
});

test.each([
  ['me-central-1a', '10.0.0.0/24'],
  ['me-central-1c', '10.0.2.0/24'],
  ['us-west-2z', '10.0.25.0/24'],
])('gives a subnet in %s the addresses %s, so that those of two zones can be there at once', (az, cidr) => {
  const network = synthesize({ az });
  expect(only(network, 'AWS::EC2::VPC').Properties).toMatchObject({ CidrBlock: '10.0.0.0/16' });
  expect(only(network, 'AWS::EC2::Subnet').Properties).toMatchObject({ AvailabilityZone: az, CidrBlock: cidr });
});

test.each(['AWS::EC2::NatGateway', 'AWS::EC2::EIP', 'AWS::EC2::SecurityGroupIngress', 'AWS::Lambda::Function'])(
  'has no %s',
  (type) => {
    template.resourceCountIs(type, 0);
  },
);

test('lets nothing in', () => {
  template.resourceCountIs('AWS::EC2::SecurityGroup', 1);
  template.hasResourceProperties('AWS::EC2::SecurityGroup', {
    SecurityGroupIngress: Match.absent(),
    SecurityGroupEgress: [Match.objectLike({ CidrIp: '0.0.0.0/0', IpProtocol: '-1' })],
  });
});

test('reaches S3 through the free gateway endpoint', () => {
  template.hasResourceProperties('AWS::EC2::VPCEndpoint', {
    VpcEndpointType: 'Gateway',
    RouteTableIds: [{ Ref: only(template, 'AWS::EC2::RouteTable').id }],
    ServiceName: { 'Fn::Join': ['', ['com.amazonaws.', { Ref: 'AWS::Region' }, '.s3']] },
  });
});

test('logs its flows, with retention', () => {
  template.hasResourceProperties('AWS::EC2::FlowLog', { ResourceType: 'VPC', TrafficType: 'ALL' });
  template.hasResourceProperties('AWS::Logs::LogGroup', {
    LogGroupName: '/openclaw/dev/flow-logs',
    RetentionInDays: 14,
  });
});

describe('flow logs', () => {
  const groups = (context: Record<string, unknown>) =>
    Object.values(synthesize(context).findResources('AWS::Logs::LogGroup') as Record<string, Resource>)
      .map(({ Properties }) => Properties)
      .filter(({ LogGroupName }) => String(LogGroupName).includes('flow-logs'));

  test('of the infrequent-access class have a group of another name, as the class of one cannot be changed', () => {
    expect(groups({ flowLogs: 'infrequent-access' })).toEqual([
      expect.objectContaining({
        LogGroupName: '/openclaw/dev/flow-logs-infrequent-access',
        LogGroupClass: 'INFREQUENT_ACCESS',
        RetentionInDays: 14,
      }),
    ]);
  });

  test('go to the state bucket, for a while, and the machine may not touch them', () => {
    const s3 = synthesize({ flowLogs: 's3' });
    expect(groups({ flowLogs: 's3' })).toEqual([]);
    const bucket = only(s3, 'AWS::S3::Bucket');
    expect(only(s3, 'AWS::EC2::FlowLog').Properties).toMatchObject({
      LogDestinationType: 's3',
      LogDestination: { 'Fn::Join': ['', [{ 'Fn::GetAtt': [bucket.id, 'Arn'] }, '/access-logs/flow-logs']] },
    });
    expect(bucket.Properties).toMatchObject({
      LifecycleConfiguration: {
        Rules: expect.arrayContaining([
          expect.objectContaining({ Prefix: 'access-logs/', ExpirationInDays: 90 }),
        ]) as unknown,
      },
    });
    expect(JSON.stringify(only(s3, 'AWS::S3::BucketPolicy').Properties)).toMatch(
      /"Principal":\{"Service":"delivery\.logs\.amazonaws\.com"\}/,
    );
    s3.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Deny',
            Resource: { 'Fn::Join': ['', [{ 'Fn::GetAtt': [bucket.id, 'Arn'] }, '/access-logs/*']] },
          }),
        ]),
      },
    });
  });

  test('are none where they are turned off', () => {
    synthesize({ flowLogs: 'off' }).resourceCountIs('AWS::EC2::FlowLog', 0);
    expect(groups({ flowLogs: 'off' })).toEqual([]);
  });

  test('cannot go to a bucket that there is not', () => {
    expect(() => synthesize({ flowLogs: 's3', backup: 'off' })).toThrow(/flowLogs=s3 .* backup=off/);
  });
});
