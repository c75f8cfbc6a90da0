const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;

/** Maps a value to a place on the drawing, linearly. */
export type Scale = (value: number) => number;

export const linear =
  ([from, to]: readonly [number, number], [start, end]: readonly [number, number]): Scale =>
  (value) =>
    start + ((value - from) / (to - from)) * (end - start);

/** Round values (1, 2 or 5 times a power of ten) from at most `min` to at least `max`, about `count` steps apart. */
export function roundTicks(min: number, max: number, count: number): number[] {
  const rough = (max - min) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough * 0.999) ?? 10);
  const first = Math.floor(min / step + 1e-9);
  const last = Math.ceil(max / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

/** Whole UTC hours or days between two times, at most `count` of them, with their labels. */
export function timeTicks(from: Date, to: Date, count: number): { at: number; label: string }[] {
  const steps = [HOUR, 3 * HOUR, 6 * HOUR, DAY, 2 * DAY, 5 * DAY, 7 * DAY, 14 * DAY, 28 * DAY];
  const span = to.getTime() - from.getTime();
  const step = steps.find((each) => span / each <= count) ?? 28 * DAY;
  const first = Math.ceil(from.getTime() / step) * step;
  const label = (at: number) =>
    step < DAY ? new Date(at).toISOString().slice(11, 16) : new Date(at).toUTCString().slice(5, 11).replace(/^0/, '');
  const ticks: { at: number; label: string }[] = [];
  for (let at = first; at <= to.getTime(); at += step) ticks.push({ at, label: label(at) });
  return ticks;
}

/**
 * Gives each item its place or, where places are nearer than `gap`, one beside it, in the same order. Items are pushed
 * down first, then up from the bottom limit; more than fit run over the top.
 */
export function spread<Item>(
  items: readonly Item[],
  placeOf: (item: Item) => number,
  gap: number,
  bottom: number,
): { item: Item; place: number }[] {
  const placed = items.map((item) => ({ item, place: placeOf(item) })).sort((a, b) => a.place - b.place);
  let previous = -Infinity;
  for (const each of placed) previous = each.place = Math.max(each.place, previous + gap);
  let next = bottom + gap;
  for (const each of placed.toReversed()) next = each.place = Math.min(each.place, next - gap);
  return placed;
}
