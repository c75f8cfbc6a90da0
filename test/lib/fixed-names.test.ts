import type { Template } from 'aws-cdk-lib/assertions';
import { ACCOUNT, synthesize, type Resource } from './support/synthesize';

/** Among which others a name must be the only one; `none` where two may be equal. */
type Scope = 'none' | 'region' | 'account' | 'partition';

/**
 * Every property of this template's resource types that names something: where it is fixed, its scope, as the AWS
 * documentation of the resource has it. A generated name cannot clash.
 */
const NAMES: Record<string, Record<string, Scope>> = {
  'AWS::AutoScaling::AutoScalingGroup': { AutoScalingGroupName: 'region' },
  'AWS::CloudWatch::Alarm': { AlarmName: 'region', MetricName: 'none' },
  // https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Dashboards.html: dashboards are global.
  'AWS::CloudWatch::Dashboard': { DashboardName: 'account' },
  'AWS::EC2::LaunchTemplate': { LaunchTemplateName: 'region' },
  'AWS::EC2::SecurityGroup': { GroupName: 'region' },
  'AWS::EC2::VPCEndpoint': {},
  'AWS::Events::Rule': { Name: 'region' },
  'AWS::IAM::InstanceProfile': { InstanceProfileName: 'account' },
  // Its name is one among the role's.
  'AWS::IAM::Policy': { PolicyName: 'none' },
  'AWS::IAM::Role': { RoleName: 'account' },
  'AWS::Logs::LogGroup': { LogGroupName: 'region' },
  'AWS::Logs::QueryDefinition': { Name: 'region' },
  'AWS::S3::Bucket': { BucketName: 'partition' },
  'AWS::SNS::Topic': { TopicName: 'region', DisplayName: 'none' },
};
// They name nothing: their properties are references.
const NAMELESS = [
  'AWS::CDK::Metadata',
  'AWS::EC2::FlowLog',
  'AWS::EC2::InternetGateway',
  'AWS::EC2::Route',
  'AWS::EC2::RouteTable',
  'AWS::EC2::Subnet',
  'AWS::EC2::SubnetRouteTableAssociation',
  'AWS::EC2::VPC',
  'AWS::EC2::VPCGatewayAttachment',
  'AWS::S3::BucketPolicy',
  'AWS::SNS::Subscription',
  'AWS::SNS::TopicPolicy',
];

function resourcesOf(template: Template): [string, Resource][] {
  return Object.entries((template.toJSON() as { Resources: Record<string, Resource> }).Resources);
}

/** Each fixed name of a deployment that must be the only one in its account or beyond, by what it names. */
function fixedNames(context: Record<string, unknown>, scopes: Scope[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [id, { Type, Properties = {} }] of resourcesOf(synthesize(context))) {
    for (const [property, scope] of Object.entries(NAMES[Type] ?? {})) {
      const name = Properties[property];
      if (scopes.includes(scope) && typeof name === 'string') found[`${Type} ${id}`] = name;
    }
  }
  return found;
}

const HERE = { alarmEmail: 'ops@example.com', cpuCredits: 'unlimited', observability: 'full' };

test.each(['lean', 'full'])('the scope of every name in the template is known, observability=%s', (observability) => {
  const resources = resourcesOf(synthesize({ ...HERE, observability }));
  const types = new Set(resources.map(([, { Type }]) => Type));
  expect([...types].filter((type) => !(type in NAMES) && !NAMELESS.includes(type))).toEqual([]);
  for (const [id, { Type, Properties = {} }] of resources) {
    const names = Object.keys(Properties).filter((property) => property.endsWith('Name'));
    const own = names.filter((property) => typeof Properties[property] === 'string');
    expect([id, own.filter((property) => !(property in (NAMES[Type] ?? {})))]).toEqual([id, []]);
  }
});

/** The names that two deployments would both want. */
function clashes(one: Record<string, unknown>, other: Record<string, unknown>, scopes: Scope[]): string[] {
  const all = (context: Record<string, unknown>) =>
    ['lean', 'full'].flatMap((observability) =>
      Object.values(fixedNames({ ...HERE, ...context, observability }, scopes)),
    );
  const taken = all(one);
  return all(other).filter((name) => taken.includes(name));
}

test('there are names whose scope matters', () => {
  expect(Object.keys(fixedNames(HERE, ['account', 'partition'])).length).toBeGreaterThan(1);
});

describe.each<[string, Record<string, unknown>, Scope[]]>([
  ['another name in the same region', { stack: 'prod' }, ['region', 'account', 'partition']],
  ['the same name in another region', { az: 'eu-west-1a' }, ['account', 'partition']],
])('a deployment of %s', (_, other, scopes) => {
  test('wants no name that the first one has', () => {
    expect(clashes({}, other, scopes)).toEqual([]);
  });
});

test('a deployment of the same name in another account wants no bucket that the first one has', () => {
  for (const [id, name] of Object.entries(fixedNames(HERE, ['partition']))) {
    expect([id, name]).toEqual([id, expect.stringContaining(ACCOUNT)]);
  }
});
