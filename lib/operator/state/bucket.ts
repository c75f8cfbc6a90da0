import type { ListObjectVersionsOutput } from '@aws-sdk/client-s3';
import { AwsCallError } from '../aws/calls';
import type { Deployment } from '../deployment';
import { EXIT, Failure } from '../errors';

/** The state bucket, as S3's calls take it: nobody else's bucket of that name is meant. */
export interface StateBucket {
  readonly Bucket: string;
  readonly ExpectedBucketOwner: string;
}

/** @returns the deployment's state bucket, or undefined where there is none */
export async function findBucket(deployment: Deployment): Promise<StateBucket | undefined> {
  const bucket = { Bucket: await deployment.bucket(), ExpectedBucketOwner: await deployment.account() };
  try {
    await deployment.aws.s3('ListBucket', (s3) => s3.headBucket(bucket));
    return bucket;
  } catch (error) {
    if (error instanceof AwsCallError && error.status === 404) return undefined;
    throw error;
  }
}

/** {@link findBucket} for what needs it to be there. @throws Failure where it is not */
export async function requireBucket(deployment: Deployment): Promise<StateBucket> {
  const bucket = await findBucket(deployment);
  if (bucket) return bucket;
  throw new Failure(
    [
      `there is no state bucket ${await deployment.bucket()}: STACK and REGION (--stack, --region) must name a deployment with backups`,
    ],
    EXIT.nothingThere,
  );
}

/** The text of an object, or undefined where there is none. */
export async function readObject({ aws }: Deployment, bucket: StateBucket, Key: string): Promise<string | undefined> {
  try {
    return await aws.s3('GetObject', async (s3) => {
      const { Body } = await s3.getObject({ ...bucket, Key });
      return Body?.transformToString();
    });
  } catch (error) {
    if (error instanceof AwsCallError && error.status === 404) return undefined;
    throw error;
  }
}

export interface StoredObject {
  readonly key: string;
  readonly size: number;
  readonly modified: Date;
}

/** All current objects whose keys begin with the prefix. */
export async function listObjects({ aws }: Deployment, bucket: StateBucket, Prefix: string): Promise<StoredObject[]> {
  const found: StoredObject[] = [];
  let ContinuationToken: string | undefined;
  do {
    const page = await aws.s3('ListBucket', (s3) => s3.listObjectsV2({ ...bucket, Prefix, ContinuationToken }));
    for (const { Key = '', Size = 0, LastModified = new Date(0) } of page.Contents ?? []) {
      found.push({ key: Key, size: Size, modified: LastModified });
    }
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken !== undefined);
  return found;
}

/** All versions and delete markers of objects whose keys begin with the prefix, page by page. */
export async function* versionPages(
  { aws }: Deployment,
  bucket: StateBucket,
  Prefix = '',
): AsyncGenerator<ListObjectVersionsOutput> {
  let [KeyMarker, VersionIdMarker]: (string | undefined)[] = [];
  let more: boolean | undefined = true;
  while (more) {
    const page: ListObjectVersionsOutput = await aws.s3('ListBucketVersions', (s3) =>
      s3.listObjectVersions({ ...bucket, Prefix, KeyMarker, VersionIdMarker }),
    );
    yield page;
    ({ IsTruncated: more, NextKeyMarker: KeyMarker, NextVersionIdMarker: VersionIdMarker } = page);
  }
}

// S3 Standard's list price for a GB and month in most regions is 0.023 to 0.025 USD; some ask more.
export const PRICE_PER_GIB_MONTH = 0.025;

/** Object versions in the bucket. Old versions cost as much as current ones, so both count. */
export async function sizeOf(deployment: Deployment, bucket: StateBucket): Promise<{ count: number; gib: number }> {
  let [count, sum] = [0, 0];
  for await (const { Versions: versions = [] } of versionPages(deployment, bucket)) {
    count += versions.length;
    for (const { Size = 0 } of versions) sum += Size;
  }
  return { count, gib: sum / 1024 ** 3 };
}
