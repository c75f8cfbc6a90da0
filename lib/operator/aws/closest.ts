import { editDistance } from '../../config/edit-distance';

/**
 * What was probably meant by `got`: the candidates nearest to it, if no more than a quarter of the letters differ.
 * @param limit at most this many
 */
export function closest(got: string, candidates: Iterable<string>, limit = 3): string[] {
  return [...candidates]
    .map((name) => ({ name, slips: editDistance(got, name) }))
    .filter(({ name, slips }) => slips <= name.length / 4)
    .sort((a, b) => a.slips - b.slips || a.name.localeCompare(b.name))
    .filter(({ slips }, _, [first]) => slips === first?.slips)
    .slice(0, limit)
    .map(({ name }) => name);
}
