import { Match } from 'aws-cdk-lib/assertions';
import { only, synthesize } from '../support/synthesize';

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
