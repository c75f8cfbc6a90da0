import { aws_ec2 as ec2, aws_iam as iam, aws_s3 as s3, Aws, Duration, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { allow } from './permission';

export interface StateBucketProps {
  /** Deployment name. */
  readonly stack: string;
  /** Engine whose keys the machine may write. */
  readonly engine: BackupEngine;
  /** Newest days of which a backup stays. */
  readonly backupKeepDaily: number;
  /** Newest weeks of which a backup stays. */
  readonly backupKeepWeekly: number;
}

const ACCESS_LOGS = 'access-logs/';
// Where they expire with the bucket's own, out of the machine's reach.
const FLOW_LOGS = `${ACCESS_LOGS}flow-logs`;
// What the mirror's loss guard refused.
const ASIDE = 'aside/';
// Archives to adopt: the whole state of another install, of use only until the machine has it.
const ADOPT = 'adopt/';

/** How a deployment keeps its backups, where it keeps any. */
export type BackupEngine = 'snapshots' | 'mirror';

// Below these the machine stores backups.
const STORED: Record<BackupEngine, string[]> = {
  snapshots: ['snapshots/*'],
  mirror: ['mirror/*', `${ASIDE}*`],
};
// And of those it removes some: what restic thins out, repairs or unlocks, and mirrored files that are gone with the
// manifests that named them. Never a repository's configuration, nor what a guard refused.
const REMOVED: Record<BackupEngine, string[]> = {
  snapshots: ['data', 'index', 'keys', 'locks', 'snapshots'].map((kind) => `snapshots/${kind}/*`),
  mirror: ['mirror/*'],
};
// What it writes whatever the engine: who may write, who waits, the last machine's record, whether OpenClaw was stopped by
// hand, copies of the pinned downloads.
const OWN = ['lease.json', 'lease-wanted.json', 'handover.json', 'stopped.json', 'tools/*'];
// What a person asked for, gone once it is in place.
const ANSWERED = ['restore.json', `${ADOPT}*`];

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
  private readonly engine: BackupEngine;

  constructor(scope: Construct, id: string, props: StateBucketProps) {
    super(scope, id);

    // Static where the account is known: CloudFormation adopts an existing bucket, and its policy, by a literal name only.
    // https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html
    const { account, region } = Stack.of(this);
    this.engine = props.engine;
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

    // By the escape hatch: the construct's own property brings a function to set it.
    (this.bucket.node.defaultChild as s3.CfnBucket).notificationConfiguration = {
      eventBridgeConfiguration: { eventBridgeEnabled: true },
    };

    const policy = this.bucket.policy?.node.defaultChild as s3.CfnBucketPolicy;
    // Without its policy the bucket that a destroy leaves would take plain HTTP.
    policy.applyRemovalPolicy(RemovalPolicy.RETAIN);
    policy.addPropertyOverride('Bucket', this.bucketName);
  }

  /** A place for the VPC's flow logs. */
  flowLogs(): ec2.FlowLogDestination {
    return ec2.FlowLogDestination.toS3(this.bucket, FLOW_LOGS);
  }

  /**
   * Lets a machine keep and fetch state, without a way to remove what it has once written: no version can be deleted. It
   * writes below its own engine's keys alone, and in no account but this one, whoever has a bucket of this name.
   */
  grantMachine(role: iam.Role): void {
    const keys = (patterns: readonly string[]) => patterns.map((pattern) => this.bucket.arnForObjects(pattern));
    const conditions = { StringEquals: { 'aws:ResourceAccount': Stack.of(this).account } };
    allow(role, {
      actions: ['s3:ListBucket', 's3:ListBucketVersions'],
      resources: [this.bucket.bucketArn],
      conditions,
    });
    allow(role, {
      actions: ['s3:GetObject', 's3:GetObjectVersion'],
      resources: keys(['*']),
      conditions,
      wildcard: 'The objects of the bucket that belongs to this deployment alone, in all their versions',
    });
    allow(role, {
      actions: ['s3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'],
      resources: keys([...STORED[this.engine], ...OWN]),
      conditions,
      wildcard: "One object for each part of a backup, and for each download that is kept: below the engine's own keys",
    });
    allow(role, {
      actions: ['s3:DeleteObject'],
      resources: keys([...REMOVED[this.engine], ...ANSWERED]),
      conditions,
      wildcard:
        'Pruned snapshots, mirrored files that are gone, adopted archives; the version below the delete marker stays',
    });
    role.addToPolicy(
      new iam.PolicyStatement({
        effect: iam.Effect.DENY,
        actions: ['s3:*Object*', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'],
        resources: keys([`${ACCESS_LOGS}*`]),
      }),
    );
  }
}
