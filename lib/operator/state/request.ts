import { UsageError } from '../errors';

/** What is to be restored: a snapshot or a time, and which paths of it; no path is all of them. */
export interface RestoreRequest {
  readonly snapshot?: string;
  /** As a person wrote it: UTC, like `2026-11-20 14:00`. */
  readonly at?: string;
  readonly paths: readonly string[];
}

/** As the command line, or make's environment, has it. */
export interface GivenRequest {
  readonly snapshot?: string | undefined;
  readonly at?: string | undefined;
  readonly paths: readonly string[];
}

/** The directories that a backup holds. */
const ROOTS = ['.openclaw', 'workspace', 'auth-profile-secrets'];
// restic's hexadecimal ids, a mirror's manifests, `latest`.
const SNAPSHOT = /^[A-Za-z0-9][A-Za-z0-9_.:@%~-]*$/;
const TIME = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d)(?::(\d\d))?$/;

/**
 * Holds a request to the rules of the machine's own `openclaw-state` (state/restore/request.py there): what it would refuse is
 * refused before anything is sent.
 * @throws UsageError with every fault
 */
export function parseRequest({ snapshot = '', at = '', paths }: GivenRequest): RestoreRequest {
  const faults: string[] = [];
  if ((snapshot === '') === (at === '')) {
    faults.push(
      `SNAPSHOT (an id that \`snapshots\` lists, or latest) or AT must be given, and not both, got SNAPSHOT='${snapshot}' AT='${at}'`,
    );
  }
  if (snapshot !== '' && !SNAPSHOT.test(snapshot)) {
    faults.push(`SNAPSHOT must be an id that \`snapshots\` lists, its beginning, or latest, got '${snapshot}'`);
  }
  if (at !== '' && !isTime(at)) faults.push(`AT must be a time in UTC like '2026-11-20 14:00', got '${at}'`);
  const wanted = paths.map((path) => {
    const plain = path.replace(/^\/+|\/+$/g, '');
    const parts = plain.split('/');
    if (
      !ROOTS.includes(parts[0] ?? '') ||
      parts.some((part) => ['', '.', '..'].includes(part)) ||
      path.includes('\0')
    ) {
      faults.push(
        `a path must begin with one of ${ROOTS.join(', ')} and hold no '..', got '${path}' ` +
          `(a path with blanks: --path 'workspace/my notes.md', or PATHS='["workspace/my notes.md"]')`,
      );
    }
    return plain;
  });
  if (faults.length > 0) throw new UsageError(faults);
  return {
    ...(snapshot !== '' && { snapshot }),
    ...(at !== '' && { at }),
    paths: wanted.filter((path) => !wanted.some((other) => path.startsWith(`${other}/`))),
  };
}

const isTime = (text: string): boolean => utcTime(text) !== undefined;

/** The time that a person wrote as `2026-11-20 14:00` or `2026-11-20 14:00:30`, in UTC; undefined for anything else. */
export function utcTime(text: string): Date | undefined {
  const [, ...digits] = TIME.exec(text) ?? [];
  if (digits.length === 0) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = digits.map((part: string | undefined) =>
    Number(part ?? 0),
  );
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  const written = `${text.slice(0, 10)}T${text.slice(11)}${digits[5] ? '' : ':00'}`;
  return year > 0 && date.toISOString().slice(0, 19) === written ? date : undefined;
}

/** The request as the object restore.json in the state bucket holds it. */
export function toJson({ snapshot, at, paths }: RestoreRequest): string {
  return JSON.stringify({
    ...(snapshot !== undefined && { snapshot }),
    ...(at !== undefined && { at: `${at.replace(' ', 'T')}Z` }),
    ...(paths.length > 0 && { paths }),
  });
}

/** The request as arguments of `openclaw-state restore`; `--` keeps any text from being taken for an option. */
export function toArguments({ snapshot, at, paths }: RestoreRequest): string[] {
  return [
    ...(at === undefined ? [] : ['--at', at]),
    ...(paths.length === 0 ? [] : ['--paths', ...paths]),
    ...(snapshot === undefined ? [] : ['--', snapshot]),
  ];
}

/**
 * The paths of make's PATHS: separated by blanks, or a JSON list where they hold blanks themselves.
 * @throws UsageError
 */
export function readPaths(text: string | undefined): string[] {
  const given = text?.trim() ?? '';
  if (!given.startsWith('[')) return given === '' ? [] : given.split(/\s+/);
  try {
    const list = JSON.parse(given) as unknown[];
    if (list.every((path) => typeof path === 'string')) return list;
  } catch {
    // Told below.
  }
  throw new UsageError([
    `PATHS must be paths separated by blanks, or a list like '["workspace/my notes.md"]', got '${given}'`,
  ]);
}
