import type { Template } from 'aws-cdk-lib/assertions';
import { decide, type Decision, type Question } from '../support/iam';
import { ACCOUNT, REGION, synthesize, type Resource } from '../support/synthesize';

const BUCKET = `openclaw-backup-dev-${ACCOUNT}-${REGION}`;
const STACK_ID = `arn:aws:cloudformation:${REGION}:${ACCOUNT}:stack/openclaw-dev/11111111-2222-3333-4444-555555555555`;
const TOPIC = `arn:aws:sns:${REGION}:${ACCOUNT}:openclaw-dev-Topic`;
const OWN = { 'aws:ResourceAccount': ACCOUNT };
const ECR_IMAGE = `210987654321.dkr.ecr.eu-west-1.amazonaws.com/team/openclaw:1`;

/** The value that CloudFormation would give an intrinsic of the role's policy. */
function evaluate(template: Template, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => evaluate(template, item));
  if (typeof value !== 'object' || value === null) return value;
  const { Ref: ref, 'Fn::GetAtt': attribute, 'Fn::Join': join } = value as Record<string, unknown>;
  if (ref === 'AWS::StackId') return STACK_ID;
  if (Array.isArray(join)) return (evaluate(template, join[1]) as string[]).join(join[0] as string);
  const id = typeof ref === 'string' ? ref : Array.isArray(attribute) ? (attribute[0] as string) : undefined;
  if (id === undefined) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, evaluate(template, item)]));
  }
  const resource = (template.toJSON() as { Resources: Record<string, Resource> }).Resources[id];
  if (resource?.Type === 'AWS::Logs::LogGroup') {
    const name = resource.Properties.LogGroupName as string;
    return ref === undefined ? `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:${name}:*` : name;
  }
  if (resource?.Type === 'AWS::SNS::Topic') return TOPIC;
  if (resource?.Type === 'AWS::S3::Bucket') return `arn:aws:s3:::${BUCKET}`;
  throw new Error(`cannot evaluate ${JSON.stringify(value)} of ${String(resource?.Type)}`);
}

function policyOf(template: Template): { Statement: Record<string, unknown>[] } {
  const policies = Object.values(template.findResources('AWS::IAM::Policy')) as Resource[];
  const machine = policies.filter(({ Properties }) => JSON.stringify(Properties.Roles).includes('MachineRole'));
  expect(machine).toHaveLength(1);
  return evaluate(template, machine[0]?.Properties.PolicyDocument) as { Statement: Record<string, unknown>[] };
}

type Row = [expected: Decision, action: string, resource: string, context?: Question['context']];

/** One test for each row: what the policy decides where all is the deployment's own account's. */
function expectDecisions(policy: object, rows: readonly Row[]): void {
  let decisions: Decision[];
  beforeAll(async () => {
    decisions = await decide(
      policy,
      rows.map(([, action, resource, context]) => ({ action, resource, context: { ...OWN, ...context } })),
    );
  });
  const named = rows.map(([expected, action, resource, context = {}], row) => {
    const given = Object.entries(context).map(([key, value]) => ` with ${key} ${value}`);
    return [`${expected}: ${action} on ${resource}${given.join('')}`, expected, row] as const;
  });
  test.each(named)('%s', (_, expected, row) => {
    expect(decisions[row]).toBe(expected);
  });
}

const parameter = (name: string) => `arn:aws:ssm:${REGION}:${ACCOUNT}:parameter/openclaw/${name}`;
const object = (key: string, bucket = BUCKET) => `arn:aws:s3:::${bucket}/${key}`;
const logStream = (group: string) =>
  `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:/openclaw/${group}:log-stream:i-0123456789abcdef0`;
const group = (name: string) =>
  `arn:aws:autoscaling:${REGION}:${ACCOUNT}:autoScalingGroup:01234567-89ab-cdef-0123-456789abcdef:autoScalingGroupName/${name}`;
const repository = (name: string) => `arn:aws:ecr:eu-west-1:210987654321:repository/${name}`;
const overwrite = (value: string) => ({ 'ssm:Overwrite': value });
const namespace = (name: string) => ({ 'cloudwatch:namespace': name });

const YES = 'Allow';
const NO = 'no decision';
const NEVER = 'Deny';

describe('by default the machine', () => {
  const policy = policyOf(synthesize());

  expectDecisions(policy, [
    [YES, 'ssm:GetParametersByPath', parameter('dev/env')],
    [YES, 'ssm:GetParameter', parameter('dev/env/OPENAI_API_KEY')],
    [YES, 'ssm:GetParameter', parameter('dev/dotenv')],
    [NO, 'ssm:GetParameters', parameter('dev/env/OPENAI_API_KEY')],
    [YES, 'ssm:PutParameter', parameter('dev/env/OPENCLAW_GATEWAY_TOKEN'), overwrite('false')],
    [NO, 'ssm:PutParameter', parameter('dev/env/OPENCLAW_GATEWAY_TOKEN'), overwrite('true')],
    [YES, 'ssm:PutParameter', parameter('dev/restic-password'), overwrite('false')],
    [NO, 'ssm:PutParameter', parameter('dev/restic-password'), overwrite('true')],
    [NO, 'ssm:PutParameter', parameter('dev/restic-password')],
    [YES, 'ssm:PutParameter', parameter('dev/state-key'), overwrite('false')],
    [NO, 'ssm:PutParameter', parameter('dev/state-key'), overwrite('true')],
    [YES, 'ssm:PutParameter', parameter('dev/state-signed-from'), overwrite('false')],
    [NO, 'ssm:PutParameter', parameter('dev/state-signed-from'), overwrite('true')],
    [YES, 'ssm:PutParameter', parameter('dev/backup-engine'), overwrite('true')],
    [NO, 'ssm:PutParameter', parameter('prod/backup-engine'), overwrite('true')],
    [YES, 'ssm:PutParameter', parameter('dev/image'), overwrite('false')],
    [YES, 'ssm:PutParameter', parameter('dev/image'), overwrite('true')],
    [NO, 'ssm:PutParameter', parameter('dev/env/OPENAI_API_KEY'), overwrite('false')],
    [NO, 'ssm:PutParameter', parameter('dev/dotenv'), overwrite('false')],
    [NO, 'ssm:DeleteParameter', parameter('dev/restic-password')],
    [NO, 'ssm:GetParameter', parameter('prod/env/OPENAI_API_KEY')],
    [NO, 'ssm:GetParametersByPath', parameter('prod/env')],
    [NO, 'ssm:GetParameter', parameter('dev2/env/OPENAI_API_KEY')],
    [NO, 'ssm:GetParameter', `arn:aws:ssm:${REGION}:${ACCOUNT}:parameter/other/secret`],
    [NO, 'ssm:SendCommand', `arn:aws:ec2:${REGION}:${ACCOUNT}:instance/i-0123456789abcdef0`],
    [NO, 'ssm:StartSession', `arn:aws:ec2:${REGION}:${ACCOUNT}:instance/i-0123456789abcdef0`],
    [YES, 'ssm:UpdateInstanceInformation', `arn:aws:ec2:${REGION}:${ACCOUNT}:instance/i-0123456789abcdef0`],
    [YES, 'ssmmessages:OpenDataChannel', '*'],
    [NO, 'ec2messages:GetMessages', '*'],

    [YES, 's3:ListBucket', `arn:aws:s3:::${BUCKET}`],
    [YES, 's3:ListBucketVersions', `arn:aws:s3:::${BUCKET}`],
    [YES, 's3:GetObject', object('snapshots/config')],
    [YES, 's3:GetObjectVersion', object('mirror/.openclaw/openclaw.json')],
    [YES, 's3:PutObject', object('snapshots/data/00/00ff')],
    [NO, 's3:PutObject', object('mirror/workspace/notes.md')],
    [NO, 's3:PutObject', object('mirror/manifests/00000009-00000001.jsonl.gz')],
    [NO, 's3:PutObject', object('aside/00000009-00000001/mirror/workspace/notes.md')],
    [NO, 's3:PutObject', object('restore.json')],
    [NO, 's3:PutObject', object('adopt/archive.tar.gz')],
    [NO, 's3:PutObject', object('anything')],
    [YES, 's3:PutObject', object('lease-wanted.json')],
    [YES, 's3:PutObject', object('handover.json')],
    [YES, 's3:PutObject', object('stopped.json')],
    [NO, 's3:DeleteObject', object('stopped.json')],
    [NO, 's3:GetObjectAcl', object('snapshots/config')],
    [NO, 's3:GetObjectTagging', object('snapshots/config')],
    [YES, 's3:PutObject', object('lease.json')],
    [YES, 's3:PutObject', object('tools/0a0a/restic')],
    [YES, 's3:AbortMultipartUpload', object('snapshots/data/00/00ff')],
    [YES, 's3:ListMultipartUploadParts', object('snapshots/data/00/00ff')],
    [YES, 's3:DeleteObject', object('snapshots/locks/0a')],
    [YES, 's3:DeleteObject', object('snapshots/snapshots/0a')],
    [YES, 's3:DeleteObject', object('snapshots/data/00/00ff')],
    [NO, 's3:DeleteObject', object('snapshots/config')],
    [NO, 's3:DeleteObject', object('mirror/workspace/notes.md')],
    [NO, 's3:DeleteObject', object('lease-wanted.json')],
    [NO, 's3:DeleteObject', object('handover.json')],
    [NO, 's3:DeleteObject', object('lease.json')],
    [YES, 's3:GetObject', object('restore.json')],
    [YES, 's3:DeleteObject', object('restore.json')],
    [YES, 's3:GetObject', object('adopt/archive.tar.gz')],
    [YES, 's3:DeleteObject', object('adopt/archive.tar.gz')],
    [NO, 's3:DeleteObject', object('tools/0a0a/restic')],
    [NO, 's3:DeleteObject', object('archive/state.tar')],
    [NO, 's3:DeleteObjectVersion', object('snapshots/data/00/00ff')],
    [NO, 's3:DeleteObjectVersion', object('lease.json')],
    [NO, 's3:DeleteObjectVersion', object('restore.json')],
    [NO, 's3:DeleteObjectVersion', object('adopt/archive.tar.gz')],
    [NO, 's3:PutObjectRetention', object('snapshots/config')],
    [NO, 's3:PutObjectAcl', object('snapshots/config')],
    [NEVER, 's3:GetObject', object('access-logs/2026-11-23')],
    [NEVER, 's3:PutObject', object('access-logs/2026-11-23')],
    [NEVER, 's3:DeleteObject', object('access-logs/2026-11-23')],
    [NO, 's3:DeleteBucket', `arn:aws:s3:::${BUCKET}`],
    [NO, 's3:PutBucketPolicy', `arn:aws:s3:::${BUCKET}`],
    [NO, 's3:PutBucketVersioning', `arn:aws:s3:::${BUCKET}`],
    [NO, 's3:PutLifecycleConfiguration', `arn:aws:s3:::${BUCKET}`],
    [NO, 's3:ListBucket', `arn:aws:s3:::openclaw-backup-prod-${ACCOUNT}-${REGION}`],
    [NO, 's3:GetObject', object('snapshots/config', `openclaw-backup-prod-${ACCOUNT}-${REGION}`)],
    [NO, 's3:PutObject', object('lease.json', `${BUCKET}-2`)],
    [NO, 's3:ListAllMyBuckets', '*'],

    [YES, 'logs:PutLogEvents', logStream('dev/gateway')],
    [YES, 'logs:PutLogEvents', logStream('dev/system')],
    [YES, 'logs:PutLogEvents', logStream('dev/operations')],
    [NO, 'logs:PutLogEvents', logStream('dev/flow-logs')],
    [NO, 'logs:PutLogEvents', logStream('prod/gateway')],
    [YES, 'logs:CreateLogStream', logStream('dev/gateway')],
    [NO, 'logs:CreateLogStream', logStream('prod/gateway')],
    [YES, 'logs:DescribeLogStreams', `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:/openclaw/dev/gateway`],
    [NO, 'logs:CreateLogGroup', `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:/openclaw/dev/new`],
    [NO, 'logs:DeleteLogGroup', `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:/openclaw/dev/gateway`],
    [NO, 'logs:GetLogEvents', logStream('dev/gateway')],

    [YES, 'cloudwatch:PutMetricData', '*', namespace('OpenClaw/dev')],
    [NO, 'cloudwatch:PutMetricData', '*', namespace('OpenClaw/prod')],
    [NO, 'cloudwatch:PutMetricData', '*', namespace('AWS/EC2')],
    [NO, 'cloudwatch:PutMetricData', '*'],

    [YES, 'autoscaling:CompleteLifecycleAction', group('openclaw-dev')],
    [YES, 'autoscaling:RecordLifecycleActionHeartbeat', group('openclaw-dev')],
    [YES, 'autoscaling:SetInstanceHealth', group('openclaw-dev')],
    [NO, 'autoscaling:SetInstanceHealth', group('openclaw-dev-2')],
    [NO, 'autoscaling:CompleteLifecycleAction', group('openclaw-prod')],
    [NO, 'autoscaling:UpdateAutoScalingGroup', group('openclaw-dev')],
    [NO, 'autoscaling:TerminateInstanceInAutoScalingGroup', group('openclaw-dev')],

    [YES, 'sns:Publish', TOPIC],
    [NO, 'sns:Publish', `${TOPIC}2`],
    [NO, 'sns:Subscribe', TOPIC],

    [YES, 'ec2:DescribeInstances', '*'],
    [YES, 'ec2:DescribeTags', '*'],
    [NO, 'events:DisableRule', `arn:aws:events:${REGION}:${ACCOUNT}:rule/any`],
    [NO, 'events:PutEvents', `arn:aws:events:${REGION}:${ACCOUNT}:event-bus/default`],
    [NO, 'cloudwatch:PutMetricData', '*', namespace('AWS/Events')],
    [NO, 'cloudwatch:DisableAlarmActions', `arn:aws:cloudwatch:${REGION}:${ACCOUNT}:alarm:any`],
    [NO, 'ec2:TerminateInstances', `arn:aws:ec2:${REGION}:${ACCOUNT}:instance/i-0123456789abcdef0`],
    [YES, 'cloudformation:DescribeStackResource', STACK_ID],
    [YES, 'cloudformation:SignalResource', STACK_ID],
    [NO, 'cloudformation:SignalResource', STACK_ID.replace('openclaw-dev', 'openclaw-prod')],
    [NO, 'cloudformation:DeleteStack', STACK_ID],
    [NO, 'iam:PassRole', `arn:aws:iam::${ACCOUNT}:role/any`],
    [NO, 'sts:AssumeRole', `arn:aws:iam::${ACCOUNT}:role/any`],
    [NO, 'ecr:GetAuthorizationToken', '*'],
    [NO, 'ecr:BatchGetImage', repository('team/openclaw')],
  ]);

  test('has * as resource only for actions that take nothing else', () => {
    const onAll = policy.Statement.filter(({ Resource }) => Resource === '*').flatMap(
      ({ Action }) => Action as string[],
    );
    expect(onAll.sort()).toEqual([
      'cloudwatch:PutMetricData',
      'ec2:DescribeInstances',
      'ec2:DescribeTags',
      'ssmmessages:CreateControlChannel',
      'ssmmessages:CreateDataChannel',
      'ssmmessages:OpenControlChannel',
      'ssmmessages:OpenDataChannel',
    ]);
  });
});

describe('with an image in ECR the machine', () => {
  const policy = policyOf(synthesize({ image: ECR_IMAGE }));

  expectDecisions(policy, [
    [YES, 'ecr:GetAuthorizationToken', '*'],
    [YES, 'ecr:BatchGetImage', repository('team/openclaw')],
    [YES, 'ecr:GetDownloadUrlForLayer', repository('team/openclaw')],
    [YES, 'ecr:BatchCheckLayerAvailability', repository('team/openclaw')],
    [NO, 'ecr:BatchGetImage', repository('team/other')],
    [NO, 'ecr:BatchGetImage', repository('team/openclaw').replace('210987654321', ACCOUNT)],
    [NO, 'ecr:PutImage', repository('team/openclaw')],
  ]);
});

describe('with backup=mirror the machine', () => {
  const policy = policyOf(synthesize({ backup: 'mirror' }));

  expectDecisions(policy, [
    [YES, 's3:PutObject', object('mirror/workspace/notes.md')],
    [YES, 's3:PutObject', object('mirror/manifests/00000009-00000001.jsonl.gz')],
    [YES, 's3:PutObject', object('aside/00000009-00000001/mirror/workspace/notes.md')],
    [YES, 's3:PutObject', object('lease.json')],
    [NO, 's3:PutObject', object('snapshots/data/00/00ff')],
    [NO, 's3:PutObject', object('snapshots/locks/0a')],
    [YES, 's3:GetObject', object('snapshots/config')],
    [YES, 's3:DeleteObject', object('mirror/workspace/notes.md')],
    [NO, 's3:DeleteObject', object('aside/00000009-00000001/mirror/workspace/notes.md')],
    [NO, 's3:DeleteObject', object('snapshots/snapshots/0a')],
    [NO, 's3:DeleteObject', object('lease.json')],
    [NO, 's3:DeleteObjectVersion', object('mirror/workspace/notes.md')],
  ]);
});

describe('the bucket of that name in another account, which the policy names as well,', () => {
  const theirs = { 'aws:ResourceAccount': '210987654321' };

  expectDecisions(policyOf(synthesize()), [
    [NO, 's3:ListBucket', `arn:aws:s3:::${BUCKET}`, theirs],
    [NO, 's3:ListBucketVersions', `arn:aws:s3:::${BUCKET}`, theirs],
    [NO, 's3:GetObject', object('snapshots/config'), theirs],
    [NO, 's3:GetObjectVersion', object('snapshots/config'), theirs],
    [NO, 's3:PutObject', object('snapshots/data/00/00ff'), theirs],
    [NO, 's3:PutObject', object('lease.json'), theirs],
    [NO, 's3:DeleteObject', object('snapshots/locks/0a'), theirs],
  ]);
});

describe('with backup=off the machine', () => {
  expectDecisions(policyOf(synthesize({ backup: 'off' })), [[NO, 's3:GetObject', object('lease.json')]]);
});

test('the role is for EC2 alone and brings no managed policy', () => {
  const roles = Object.entries(synthesize().findResources('AWS::IAM::Role')).filter(([id]) => id.startsWith('Machine'));
  expect(roles).toHaveLength(1);
  const [, { Properties }] = roles[0] as [string, Resource];
  expect(Properties).toMatchObject({
    AssumeRolePolicyDocument: {
      Statement: [{ Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' } }],
    },
  });
  expect(Properties).not.toHaveProperty('ManagedPolicyArns');
});
