import { readObject, type StateBucket } from './bucket';
import type { Deployment } from '../deployment';
import { toJson, type RestoreRequest } from './request';

/** What the next boot restores is asked for in this object of the state bucket. */
export const RESTORE_KEY = 'restore.json';

/** Asks for a restore, in place of one that was asked for before. */
export async function askAtBoot({ aws }: Deployment, bucket: StateBucket, request: RestoreRequest): Promise<void> {
  await aws.s3('PutObject', (s3) =>
    s3.putObject({ ...bucket, Key: RESTORE_KEY, Body: toJson(request), ContentType: 'application/json' }),
  );
}

/** What was asked for and is not done yet, as it was written; undefined where that is nothing. */
export const askedAtBoot = (deployment: Deployment, bucket: StateBucket): Promise<string | undefined> =>
  readObject(deployment, bucket, RESTORE_KEY);

/** Takes back what was asked for. */
export async function takeBackAtBoot({ aws }: Deployment, bucket: StateBucket): Promise<void> {
  await aws.s3('DeleteObject', (s3) => s3.deleteObject({ ...bucket, Key: RESTORE_KEY }));
}
