import { synthesize, type Resource } from './support/synthesize';

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html; the end points' domain is botocore's.
const PARTITIONS = [
  ['aws', 'me-central-1', 'amazonaws.com'],
  ['aws-cn', 'cn-north-1', 'amazonaws.com.cn'],
  ['aws-us-gov', 'us-gov-west-1', 'amazonaws.com'],
  ['aws-eusc', 'eusc-de-east-1', 'amazonaws.eu'],
] as const;

// IAM knows them under these names in every partition.
const PRINCIPALS = ['cloudwatch', 'ec2', 'logging.s3', 'vpc-flow-logs'].map((service) => `${service}.amazonaws.com`);

/** Every text in a template, but for the machine's files; of a join, its parts with <references> between them. */
function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  const { 'Fn::Join': join } = value as { 'Fn::Join'?: [string, unknown[]] };
  if (join) return [join[1].map((part) => (typeof part === 'string' ? part : `<${JSON.stringify(part)}>`)).join('')];
  return Object.entries(value).flatMap(([key, inner]) => (key === 'Metadata' ? [] : textsOf(inner)));
}

describe.each(PARTITIONS)('in %s (%s)', (partition, region, domain) => {
  const template = synthesize({
    az: `${region}a`,
    alarmEmail: 'ops@example.com',
    image: `123456789012.dkr.ecr.${region}.${domain}/openclaw:1`,
  });
  // The output Settings says back what was told, whatever it is.
  const { Outputs, ...rest } = template.toJSON() as { Outputs: Record<string, unknown> };
  const texts = textsOf([rest, { ...Outputs, Settings: undefined }]);

  test('every ARN is one of the partition', () => {
    const arns = texts.filter((text) => text.startsWith('arn:'));
    expect(arns.length).toBeGreaterThan(5);
    const own = [`arn:${partition}:`, 'arn:<{"Ref":"AWS::Partition"}>:'];
    expect(arns.filter((arn) => !own.some((start) => arn.startsWith(start)))).toEqual([]);
  });

  test('no end point of another partition is named, and every service is one that IAM knows there', () => {
    const named = texts.filter((text) => text.includes('amazonaws'));
    // The S3 gateway end point of the VPC is named like this in all of them.
    const known = [...PRINCIPALS, 'com.amazonaws.<{"Ref":"AWS::Region"}>.s3'];
    expect([...new Set(named)].sort()).toEqual(known.sort());
  });

  test('an image in ECR gets pull rights on its repository', () => {
    const policies = Object.values(template.findResources('AWS::IAM::Policy')) as Resource[];
    expect(textsOf(policies)).toContainEqual(
      expect.stringMatching(new RegExp(`^arn:${partition}:ecr:${region}:123456789012:repository/openclaw$`)),
    );
  });
});
