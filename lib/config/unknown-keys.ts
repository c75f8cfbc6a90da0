import { editDistance } from './edit-distance';

// What the CDK's own command line keeps in the context.
const OF_THE_CLI = ['acknowledged-issue-numbers'];

/**
 * Finds context keys that are neither ours nor the CDK's: a key of ours misspelt, another tool's name for it, a setting
 * that does not exist.
 *
 * @param context - keys with a colon, slash or at sign are look-ups, feature flags and other constructs' keys; those and
 *   the CDK command line's own are left alone
 * @param known - our keys
 * @param shared - whether others keep keys there too
 * @returns one line for each such key
 */
export function describeUnknownKeys(
  context: Readonly<Record<string, unknown>>,
  known: readonly string[],
  shared = true,
): string[] {
  return Object.entries(context)
    .filter(([key]) => !known.includes(key) && !(shared && isForeign(key)))
    .map(([key, value]) => {
      const meant = nearest(key, known);
      const got = typeof value === 'string' ? `'${value}'` : JSON.stringify(value);
      const hint = meant === undefined ? '.' : `. Did you mean ${meant}?`;
      return `unknown configuration key '${key}' (value ${got})${hint} Known keys: ${known.join(', ')}`;
    });
}

function isForeign(key: string): boolean {
  return /[:/@]/.test(key) || key.startsWith('cli-') || OF_THE_CLI.includes(key);
}

// What other tools call the same thing.
const SYNONYMS = new Map([
  ['availabilityzone', 'az'],
  ['zone', 'az'],
  ['region', 'az'],
  ['type', 'instanceType'],
  ['instance', 'instanceType'],
  ['spot', 'market'],
  ['price', 'maxPrice'],
  ['size', 'rootVolumeSizeGib'],
  ['rootvolumesize', 'rootVolumeSizeGib'],
  ['volumesize', 'rootVolumeSizeGib'],
  ['backupinterval', 'backupIntervalMinutes'],
  ['interval', 'backupIntervalMinutes'],
  ['imagetag', 'image'],
  ['email', 'alarmEmail'],
  ['logretention', 'logRetentionDays'],
  ['spotprice', 'maxPrice'],
  ['repo', 'repository'],
  ['github', 'repository'],
]);

function nearest(key: string, known: readonly string[]): string | undefined {
  const plain = normalize(key);
  const candidates = known.map((name) => ({ name, edits: editDistance(plain, normalize(name)) }));
  const best = candidates.reduce((a, b) => (b.edits < a.edits ? b : a));
  // Short names have many neighbours that mean something else (stage is not stack), long ones hardly any.
  const allowed = best.name.length > 6 ? 2 : 1;
  return best.edits <= allowed ? best.name : SYNONYMS.get(plain);
}

function normalize(key: string): string {
  return key.toLowerCase().replace(/[_-]/g, '');
}
