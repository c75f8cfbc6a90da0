import type { Deployment } from '../deployment';
import { Failure } from '../errors';
import { runOnMachine } from '../session/session';
import { listBackups, type Backup } from '../state/backups';
import type { StateBucket } from '../state/bucket';
import { harmless, readTable } from '../terminal/text';
import type { World } from '../world';

// The engine alone: what is set aside or unsigned has a word to it. Lines of its journal can stand between the rows.
const GOOD = /^(?:snapshots|mirror)$/;

/**
 * Has the machine back up, and names what it saved.
 * @returns the whole id of the newest backup that is not set aside
 * @throws Failure where the backup failed, or is not in the bucket
 */
export async function takeSnapshot(
  deployment: Deployment,
  bucket: StateBucket,
  world: World,
  instance: string,
): Promise<string> {
  const onMachine = async (word: string): Promise<string> => {
    const { status, output } = await runOnMachine(
      deployment,
      world,
      instance,
      ['openclaw-state', word],
      () => undefined,
    );
    if (status === 0) return output;
    const last = harmless(output.trim().split('\n').at(-1) ?? '');
    throw new Failure([`openclaw-state ${word} on ${instance} ended with ${status}${last && `: ${last}`}`]);
  };
  await onMachine('backup');
  // Which is set aside, only the machine knows.
  const listed = readTable(await onMachine('snapshots'));
  const beginning = listed.filter(({ engine = '' }) => GOOD.test(engine)).at(-1)?.id ?? '';
  const stored = await listBackups(deployment, bucket);
  const isIt = ({ engine, id }: Backup) => id === beginning || (engine === 'snapshots' && id.startsWith(beginning));
  const found = beginning === '' ? [] : stored.filter(isIt);
  const [backup] = found;
  if (backup && found.length === 1) return backup.id;
  throw new Failure([
    `the backup must be one of s3://${bucket.Bucket}, got '${harmless(beginning)}' from ${instance}, which ${found.length} there match`,
  ]);
}
