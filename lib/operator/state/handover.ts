import type { Deployment } from '../deployment';
import { readObject, type StateBucket } from './bucket';

/** Key of the record in the bucket. */
export const HANDOVER_KEY = 'handover.json';

/** How a machine ended, by what it left in the bucket for the next one (openclaw/lifecycle/handover.py). */
export type End = 'clean' | 'set aside' | 'not clean' | 'no word';

/**
 * How this machine ended, by its own word. Its signature is not looked at: nothing is decided by it here.
 * @param instance - id of the machine; the record of another one is no word of this one's
 */
export async function endOf(deployment: Deployment, bucket: StateBucket, instance: string): Promise<End> {
  const text = await readObject(deployment, bucket, HANDOVER_KEY);
  try {
    const record = JSON.parse(text ?? '{}') as Record<string, unknown> | null;
    if (record?.instance !== instance) return 'no word';
    if (record.clean === true) return 'clean';
    return record.set_aside === true ? 'set aside' : 'not clean';
  } catch {
    return 'no word';
  }
}
