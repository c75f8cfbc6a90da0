import type { PriceBook } from './prices';
import { quantitiesOf, type Measured, type Quantity, type Template } from './quantities';

/** What one part costs in a month. */
export interface Row extends Quantity {
  /** USD; undefined where nobody says the price. */
  readonly usd: number | undefined;
  /** Who says the price, and when. */
  readonly source: string;
}

/** What a month would cost with one setting changed. */
export interface Saving {
  /** As `-c` takes it. */
  readonly setting: string;
  /** USD less than now; below 0 it costs more. */
  readonly usd: number;
}

export interface Spot {
  /** USD per hour. */
  readonly now: number;
  readonly min: number;
  readonly max: number;
}

export interface Report {
  readonly region: string;
  readonly availabilityZone: string;
  readonly instanceType: string;
  readonly rows: readonly Row[];
  /** Sums of USD: the machine alone (instance, disk, address), what stands around it, and both. */
  readonly bare: number;
  readonly around: number;
  readonly total: number;
  /** The spot price over the last 7 days. @default - on-demand, or not asked */
  readonly spot?: Spot | undefined;
  readonly savings: readonly Saving[];
  readonly notes: readonly string[];
}

/** One way to set a deployment up. */
export interface Variant {
  readonly template: Template;
  readonly instanceType: string;
  readonly onSpot: boolean;
}

/** What is known of prices: lists, and the spot price by instance type. */
export interface Known {
  readonly prices: PriceBook;
  readonly spot: ReadonlyMap<string, Spot>;
  readonly measured?: Measured | undefined;
}

function priced(quantity: Quantity, { instanceType, onSpot }: Variant, { prices, spot }: Known): Row {
  if (quantity.price !== 'instance') {
    const price = prices.of(quantity.price);
    return { ...quantity, usd: price && quantity.amount * price.usd, source: price?.source ?? 'no price known' };
  }
  const part = `${quantity.part} ${instanceType}`;
  const now = onSpot ? spot.get(instanceType) : undefined;
  if (now) {
    const source = `spot price now; ${now.min} to ${now.max} USD an hour in the last 7 days`;
    return { ...quantity, part, usd: quantity.amount * now.now, source };
  }
  const price = prices.instance(instanceType);
  const source = price && (onSpot ? `at most: spot price unknown; ${price.source}` : price.source);
  return { ...quantity, part, usd: price && quantity.amount * price.usd, source: source ?? 'no price known' };
}

export const rowsOf = (variant: Variant, known: Known): Row[] =>
  quantitiesOf(variant.template, known.measured).map((quantity) => priced(quantity, variant, known));

/** USD a month, of what has a price. */
export const sum = (rows: readonly Row[]): number => rows.reduce((total, { usd = 0 }) => total + usd, 0);

/**
 * @param others - the same deployment with one setting changed, by that setting
 */
export function makeReport(
  about: Pick<Report, 'region' | 'availabilityZone'>,
  variant: Variant,
  others: ReadonlyMap<string, Variant>,
  known: Known,
): Report {
  const rows = rowsOf(variant, known);
  const bare = sum(rows.filter((row) => row.bare));
  const total = sum(rows);
  const savings = [...others].flatMap(([setting, other]) => {
    const theirs = rowsOf(other, known);
    // Without a price there is no difference to name.
    return theirs.some(({ usd }) => usd === undefined) ? [] : [{ setting, usd: total - sum(theirs) }];
  });
  const unpriced = rows.filter(({ usd }) => usd === undefined).map(({ part }) => `no price of ${part} is known`);
  return {
    ...about,
    instanceType: variant.instanceType,
    rows,
    bare,
    around: total - bare,
    total,
    spot: variant.onSpot ? known.spot.get(variant.instanceType) : undefined,
    savings: savings.sort((a, b) => b.usd - a.usd),
    notes: [...new Set([...known.prices.notes, ...unpriced])],
  };
}
