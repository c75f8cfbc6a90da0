/** Levenshtein distance: how many letters to insert, remove or exchange. */
function distance(a: string, b: string): number {
  const at = (row: number[], column: number) => row[column] ?? 0;
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const exchanged = at(previous, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(at(previous, column) + 1, at(current, column - 1) + 1, exchanged));
    }
    previous = current;
  }
  return at(previous, b.length);
}

/**
 * What was probably meant by `got`: the candidates nearest to it, if no more than a quarter of the letters differ.
 * @param limit at most this many
 */
export function closest(got: string, candidates: Iterable<string>, limit = 3): string[] {
  return [...candidates]
    .map((name) => ({ name, slips: distance(got, name) }))
    .filter(({ name, slips }) => slips <= name.length / 4)
    .sort((a, b) => a.slips - b.slips || a.name.localeCompare(b.name))
    .filter(({ slips }, _, [first]) => slips === first?.slips)
    .slice(0, limit)
    .map(({ name }) => name);
}
