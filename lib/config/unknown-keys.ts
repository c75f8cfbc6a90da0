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

/** Insertions, deletions, substitutions and swaps of neighbours that lead from a to b (optimal string alignment). */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number) => rows[i]?.[j] ?? Number.POSITIVE_INFINITY;
  for (let i = 1; i <= a.length; i++) {
    rows.push([i]);
    for (let j = 1; j <= b.length; j++) {
      const substitution = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = swapped ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY;
      rows[i]?.push(Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, substitution, swap));
    }
  }
  return at(a.length, b.length);
}
