import { createReadStream, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { asking, CLIENT_SETTINGS } from '../aws/calls';
import { sdk } from '../aws/sdk';
import { requireBucket, type StateBucket } from '../state/bucket';
import type { Context } from '../context';
import { UsageError } from '../errors';
import { findMachine } from '../machine';
import { bytes } from '../terminal/text';
import { command, OF_THE_MACHINE, type Definition } from './definition';
import { onMachine } from './machine';

// A slow line may need minutes for one part.
const PART_TIMEOUT_MS = 10 * 60_000;
const SAY_EVERY_MS = 5_000;

const adopt: Definition = {
  command: command({
    usage: 'adopt [archive]',
    summary: "make an existing install's state this deployment's own",
    description:
      'Uploads an archive of `openclaw backup create` (or ARCHIVE) to the state bucket and has the machine put it in place. ' +
      'What was there before stays in /var/lib/openclaw/aside; the upload goes from the bucket by itself a day later. ' +
      'Plugins and ~/.config/openclaw are in no such archive.',
    examples: ['adopt ./openclaw-backup.tar.gz --region me-central-1'],
    exits: OF_THE_MACHINE,
  }),
  work: async (context) => {
    const archive = context.args[0] ?? context.world.env.ARCHIVE ?? '';
    const size = sizeOf(archive);
    const deployment = await context.deployment();
    const bucket = await requireBucket(deployment);
    // Before the upload: nothing is sent that nobody would take.
    await findMachine(deployment);
    const name = basename(resolve(archive));
    await upload(context, archive, size, bucket, `adopt/${name}`);
    return onMachine(context, ['openclaw-state', 'adopt', '--', name]);
  },
};

function sizeOf(archive: string): number {
  const status = archive === '' ? undefined : statSync(archive, { throwIfNoEntry: false });
  if (!status?.isFile()) {
    throw new UsageError([`ARCHIVE must be a file made by 'openclaw backup create', got '${archive}'`]);
  }
  return status.size;
}

async function upload(
  context: Context,
  archive: string,
  size: number,
  bucket: StateBucket,
  Key: string,
): Promise<void> {
  const { region } = await context.deployment();
  const { S3 } = sdk.s3();
  const { Upload } = sdk.storage();
  const requestHandler = { ...CLIENT_SETTINGS.requestHandler, requestTimeout: PART_TIMEOUT_MS };
  const client = new S3({ region, ...CLIENT_SETTINGS, requestHandler });
  context.say(`uploading ${archive} (${bytes(size)}) to s3://${bucket.Bucket}/${Key}`);
  let said = context.world.now().getTime();
  const sending = new Upload({ client, params: { ...bucket, Key, Body: createReadStream(archive) } });
  sending.on('httpUploadProgress', ({ loaded = 0 }) => {
    const now = context.world.now().getTime();
    if (now - said < SAY_EVERY_MS) return;
    said = now;
    context.say(`sent ${bytes(loaded)} of ${bytes(size)}`);
  });
  await asking('s3:PutObject', region, () => sending.done());
}

export const ADOPT_COMMANDS: readonly Definition[] = [adopt];
