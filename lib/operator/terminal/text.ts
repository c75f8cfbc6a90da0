const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** A number of bytes as people read it: `512 B`, `1.4 MiB`. */
export function bytes(count: number): string {
  const power = Math.min(Math.floor(Math.log2(Math.max(count, 1)) / 10), UNITS.length - 1);
  return `${power === 0 ? count : (count / 1024 ** power).toFixed(1)} ${UNITS[power] ?? ''}`;
}

/** A time in UTC, like `2026-11-20 14:00:30`. */
export const utc = (time: Date): string => time.toISOString().slice(0, 19).replace('T', ' ');

/** A length of time in the two units that matter: `3 d 4 h`, `12 min 5 s`. */
export function span(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

/** Rows in aligned columns, a line each. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

/** The rows of such a table, each by its headings: their first word in lower case. */
export function readTable(output: string): Record<string, string>[] {
  const [heading = [], ...rows] = output
    .split('\n')
    .map((line) => line.trimEnd().split(/ {2,}/))
    .filter((cells) => cells.length > 1);
  const names = heading.map((name) => name.replace(/ .*/, '').toLowerCase());
  return rows.map((cells) => Object.fromEntries(cells.map((cell, column) => [names[column] ?? `${column}`, cell])));
}

/** Text from elsewhere, without what a terminal would act on. */
export const harmless = (text: string): string =>
  text.replace(
    // oxlint-disable-next-line no-control-regex -- to find them is what this is for
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
