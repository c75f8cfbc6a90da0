import { editDistance } from '../edit-distance';

/**
 * Finds context keys that were meant to be ours: another case or punctuation, a slip of the finger, another tool's name.
 *
 * @param context - keys with a colon, slash or dot belong to the CDK or to other constructs and are left alone
 * @param known - our keys
 * @returns one line for each such key
 */
export function describeUnknownKeys(context: Readonly<Record<string, unknown>>, known: readonly string[]): string[] {
  return Object.entries(context).flatMap(([key, value]) => {
    if (known.includes(key) || !/^[\w-]+$/.test(key)) return [];
    const meant = nearest(key, known);
    const got = typeof value === 'string' ? `'${value}'` : JSON.stringify(value);
    return meant === undefined
      ? []
      : [`${key} is no key of the configuration, got ${got}: was ${meant} meant? Allowed: ${known.join(', ')}`];
  });
}

// What other tools call the same thing.
const SYNONYMS = new Map([
  ['availabilityzone', 'az'],
  ['zone', 'az'],
  ['rootvolumesize', 'rootVolumeSizeGib'],
  ['volumesize', 'rootVolumeSizeGib'],
  ['backupinterval', 'backupIntervalMinutes'],
  ['logretention', 'logRetentionDays'],
  ['spotprice', 'maxPrice'],
]);

function nearest(key: string, known: readonly string[]): string | undefined {
  const plain = normalize(key);
  const candidates = known.map((name) => ({ name, edits: editDistance(plain, normalize(name)) }));
  const best = candidates.reduce((a, b) => (b.edits < a.edits ? b : a));
  // Short names have many innocent neighbours (stage is not stack), long ones hardly any.
  const allowed = best.name.length > 6 ? 2 : 1;
  return best.edits <= allowed ? best.name : SYNONYMS.get(plain);
}

function normalize(key: string): string {
  return key.toLowerCase().replace(/[_-]/g, '');
}
