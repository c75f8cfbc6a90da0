import { Match } from 'aws-cdk-lib/assertions';
import { only, synthesize } from '../support/synthesize';

const NAME = 'openclaw-backup-dev-123456789012-me-central-1';
const template = synthesize();
const bucket = only(template, 'AWS::S3::Bucket');
const policy = only(template, 'AWS::S3::BucketPolicy');

// A new logical id is a new resource: CloudFormation would leave the bucket with the state and make an empty one.
test('keeps its logical ids', () => {
  expect([bucket.id, policy.id]).toEqual(['StateBucket77825682', 'StateBucketPolicy6798C105']);
});

test('stays behind with its policy, whatever happens to the stack', () => {
  expect(bucket).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
  expect(policy).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
});

test('has literal names, by which CloudFormation finds bucket and policy again', () => {
  expect(bucket.Properties).toMatchObject({ BucketName: NAME });
  expect(policy.Properties).toMatchObject({ Bucket: NAME });
});

test('has the same name where the account is known only to CloudFormation', () => {
  const agnostic = synthesize({}, '');
  const name = { 'Fn::Join': ['', ['openclaw-backup-dev-', { Ref: 'AWS::AccountId' }, '-me-central-1']] };
  expect(only(agnostic, 'AWS::S3::Bucket').Properties).toMatchObject({ BucketName: name });
  expect(only(agnostic, 'AWS::S3::BucketPolicy').Properties).toMatchObject({ Bucket: name });
});

test('is versioned, encrypted and private', () => {
  template.hasResourceProperties('AWS::S3::Bucket', {
    VersioningConfiguration: { Status: 'Enabled' },
    BucketEncryption: {
      ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
    },
    PublicAccessBlockConfiguration: {
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    },
    OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
    LoggingConfiguration: { LogFilePrefix: 'access-logs/' },
  });
});

test('refuses plain HTTP, to everybody and for everything', () => {
  template.hasResourceProperties('AWS::S3::BucketPolicy', {
    PolicyDocument: {
      Statement: Match.arrayWith([
        {
          Effect: 'Deny',
          Principal: { AWS: '*' },
          Action: 's3:*',
          Resource: [
            { 'Fn::GetAtt': [bucket.id, 'Arn'] },
            { 'Fn::Join': ['', [{ 'Fn::GetAtt': [bucket.id, 'Arn'] }, '/*']] },
          ],
          Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        },
      ]),
    },
  });
});

test('forgets old versions, unfinished uploads and access logs, and never a current object of state', () => {
  const { Rules: rules } = bucket.Properties.LifecycleConfiguration as { Rules: unknown };
  expect(rules).toEqual([
    {
      Id: 'OldVersions',
      Status: 'Enabled',
      NoncurrentVersionExpiration: { NoncurrentDays: 35 },
      ExpiredObjectDeleteMarker: true,
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: 2 },
    },
    { Id: 'Aside', Status: 'Enabled', Prefix: 'aside/', ExpirationInDays: 35 },
    {
      Id: 'Adopt',
      Status: 'Enabled',
      Prefix: 'adopt/',
      ExpirationInDays: 1,
      NoncurrentVersionExpiration: { NoncurrentDays: 1 },
    },
    {
      Id: 'AccessLogs',
      Status: 'Enabled',
      Prefix: 'access-logs/',
      ExpirationInDays: 90,
      NoncurrentVersionExpiration: { NoncurrentDays: 1 },
    },
  ]);
});

test.each([
  [{}, 35],
  [{ backupKeepDaily: 90 }, 97],
  [{ backupKeepWeekly: 104 }, 735],
  [{ backupKeepDaily: 0, backupKeepWeekly: 0 }, 35],
])('with %j old versions stay for %i days, longer than a backup that names them', (retention, days) => {
  const { LifecycleConfiguration: lifecycle } = only(synthesize(retention), 'AWS::S3::Bucket').Properties;
  expect(lifecycle).toMatchObject({ Rules: [{ NoncurrentVersionExpiration: { NoncurrentDays: days } }, {}, {}, {}] });
});

test('is not there with backup=off, and nothing speaks of it', () => {
  const off = synthesize({ backup: 'off' });
  off.resourceCountIs('AWS::S3::Bucket', 0);
  off.resourceCountIs('AWS::S3::BucketPolicy', 0);
  expect(JSON.stringify(off.toJSON()).includes('openclaw-backup-')).toBe(false);
  expect(JSON.stringify(off.findResources('AWS::IAM::Policy'))).not.toContain('s3:');
});
