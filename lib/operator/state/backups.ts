import { listObjects, type StateBucket } from './bucket';
import type { Deployment } from '../deployment';

/** What the bucket itself says of one backup. What is only inside a snapshot, which is encrypted, is not in it. */
export interface Backup {
  readonly engine: 'snapshots' | 'mirror';
  readonly id: string;
  readonly time: Date;
  readonly bytes?: number;
  readonly files?: number;
  readonly generation?: number;
  readonly sequence?: number;
  readonly image?: string;
  /** Refused by the machine's loss guard: restored only by its id. */
  readonly setAside?: boolean;
}

const SNAPSHOTS = 'snapshots/snapshots/';
const MANIFESTS = 'mirror/manifests/';
// As the machine names them (state/engines/mirror/names.py).
const MANIFEST =
  /^(\d{8,10})-(\d{8,10})_(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z_(\d+)_(\d+)_[^_]*_[^_]*_([^_]*)_[0-9a-f]{8}(-refused\d{0,3})?$/;

/**
 * All backups in the bucket, the oldest first; of `snapshots` the id and the time of the upload alone.
 * @see https://restic.readthedocs.io/en/stable/100_references.html#repository-layout
 */
export async function listBackups(deployment: Deployment, bucket: StateBucket): Promise<Backup[]> {
  const [snapshots, manifests] = await Promise.all([
    listObjects(deployment, bucket, SNAPSHOTS),
    listObjects(deployment, bucket, MANIFESTS),
  ]);
  const found: Backup[] = snapshots
    .map(({ key, modified }) => ({ engine: 'snapshots' as const, id: key.slice(SNAPSHOTS.length), time: modified }))
    .filter(({ id }) => /^[0-9a-f]{64}$/.test(id));
  for (const { key } of manifests) {
    const id = key.slice(MANIFESTS.length).replace(/\.jsonl\.gz$/, '');
    const backup = ofManifest(id);
    if (backup) found.push(backup);
  }
  return found.sort((a, b) => a.time.getTime() - b.time.getTime());
}

function ofManifest(id: string): Backup | undefined {
  const parts = MANIFEST.exec(id);
  if (!parts) return undefined;
  const [, generation, sequence, year, month, day, hour, minute, second, files, bytes, image = '', refused] = parts;
  const time = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(time.getTime())) return undefined;
  return {
    engine: 'mirror',
    id,
    time,
    bytes: Number(bytes),
    files: Number(files),
    generation: Number(generation),
    sequence: Number(sequence),
    image: unquote(image),
    setAside: refused !== undefined,
  };
}

/** Percent escapes undone; a name that has none that are sound stays as it is. */
function unquote(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
