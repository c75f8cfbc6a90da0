import { aws_iam as iam, aws_s3 as s3, Aws, Duration, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { allow } from './permission';

export interface StateBucketProps {
  /** Deployment name. */
  readonly stack: string;
  /** Newest days of which a backup stays. */
  readonly backupKeepDaily: number;
  /** Newest weeks of which a backup stays. */
  readonly backupKeepWeekly: number;
}

const ACCESS_LOGS = 'access-logs/';
// What the mirror's loss guard refused.
const ASIDE = 'aside/';
// Archives to adopt: the whole state of another install, of use only until the machine has it.
const ADOPT = 'adopt/';
// What the machine itself removes: pruned snapshots, mirrored files that are gone, a restore asked for and an archive to
// adopt once they are in place. Versions stay.
const REMOVABLE = ['mirror/*', 'snapshots/*', 'restore.json', `${ADOPT}*`];

/**
 * A mirror's older backups name old versions of its objects: those stay for a week longer than any such backup, and never
 * less than five weeks.
 */
function oldVersionsStay({ backupKeepDaily, backupKeepWeekly }: StateBucketProps): Duration {
  return Duration.days(Math.max(35, backupKeepDaily + 7, backupKeepWeekly * 7 + 7));
}

/** Holds all that must outlive the machine and the stack: versioned, private, and left behind with its policy by a destroy. */
export class StateBucket extends Construct {
  readonly bucket: s3.Bucket;
  /** The bucket's name as text, known before the bucket is. */
  readonly bucketName: string;

  constructor(scope: Construct, id: string, props: StateBucketProps) {
    super(scope, id);

    // Static where the account is known: CloudFormation adopts an existing bucket, and its policy, by a literal name only.
    // https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html
    const { account, region } = Stack.of(this);
    this.bucketName = `openclaw-backup-${props.stack}-${Token.isUnresolved(account) ? Aws.ACCOUNT_ID : account}-${region}`;

    this.bucket = new s3.Bucket(this, 'Bucket', {
      bucketName: this.bucketName,
      versioned: true,
      encryption: s3.BucketEncryption.S3_MANAGED,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      serverAccessLogsPrefix: ACCESS_LOGS,
      removalPolicy: RemovalPolicy.RETAIN,
      lifecycleRules: [
        {
          id: 'OldVersions',
          noncurrentVersionExpiration: oldVersionsStay(props),
          expiredObjectDeleteMarker: true,
          abortIncompleteMultipartUploadAfter: Duration.days(2),
        },
        {
          id: 'Aside',
          prefix: ASIDE,
          expiration: Duration.days(35),
        },
        {
          id: 'Adopt',
          prefix: ADOPT,
          expiration: Duration.days(1),
          noncurrentVersionExpiration: Duration.days(1),
        },
        {
          id: 'AccessLogs',
          prefix: ACCESS_LOGS,
          expiration: Duration.days(90),
          noncurrentVersionExpiration: Duration.days(1),
        },
      ],
    });

    const policy = this.bucket.policy?.node.defaultChild as s3.CfnBucketPolicy;
    // Without its policy the bucket that a destroy leaves would take plain HTTP.
    policy.applyRemovalPolicy(RemovalPolicy.RETAIN);
    policy.addPropertyOverride('Bucket', this.bucketName);
  }

  /** Lets a machine keep and fetch state, without a way to remove what it has once written: no version can be deleted. */
  grantMachine(role: iam.Role): void {
    const keys = (pattern: string) => this.bucket.arnForObjects(pattern);
    allow(role, { actions: ['s3:ListBucket', 's3:ListBucketVersions'], resources: [this.bucket.bucketArn] });
    allow(role, {
      actions: ['s3:GetObject*', 's3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'],
      resources: [keys('*')],
      wildcard: 'The objects of the bucket that belongs to this deployment alone, in all their versions',
    });
    allow(role, {
      actions: ['s3:DeleteObject'],
      resources: REMOVABLE.map(keys),
      wildcard:
        'Pruned snapshots, mirrored files that are gone, adopted archives; the version below the delete marker stays',
    });
    role.addToPolicy(
      new iam.PolicyStatement({
        effect: iam.Effect.DENY,
        actions: ['s3:*Object*', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'],
        resources: [keys(`${ACCESS_LOGS}*`)],
      }),
    );
  }
}
