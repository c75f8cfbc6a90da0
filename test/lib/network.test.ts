import { Match } from 'aws-cdk-lib/assertions';
import { only, synthesize } from './synthesize';

const template = synthesize();

test('is one public subnet in the pinned zone', () => {
  expect(only(template, 'AWS::EC2::Subnet').Properties).toMatchObject({ AvailabilityZone: 'me-central-1a' });
  template.hasResourceProperties('AWS::EC2::Route', {
    DestinationCidrBlock: '0.0.0.0/0',
    GatewayId: { Ref: only(template, 'AWS::EC2::InternetGateway').id },
  });
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
