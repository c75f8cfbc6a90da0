import type { Aws } from './aws';
import { readCatalog, type TypeInfo } from './catalog';
import { pairKey, readHistory, stabilityOf, type Stability, type Window } from './history';
import { readOnDemandPrices } from './on-demand';

/** AWS counts a month as 730 hours. */
const HOURS_PER_MONTH = 730;

export type Status = 'offered' | 'not offered' | 'no spot price';

/** One instance type in one zone. Prices in USD; what is not known or not offered is undefined. */
export interface Row extends TypeInfo {
  readonly zone: string;
  readonly status: Status;
  readonly pricePerHour?: number | undefined;
  readonly pricePerMonth?: number | undefined;
  readonly onDemandPerHour?: number | undefined;
  readonly savingPercent?: number | undefined;
  readonly stability?: Stability | undefined;
}

export interface Report {
  readonly region: string;
  readonly window: Window;
  readonly days: number;
  /** The cheapest first; pairs without a price last. */
  readonly rows: Row[];
  /** In the order asked for. */
  readonly types: TypeInfo[];
  readonly zones: string[];
  /** What a person should know about gaps in the rows. */
  readonly notes: string[];
}

export interface Question {
  readonly region: string;
  readonly instanceTypes: readonly string[];
  readonly days: number;
  readonly now: Date;
}

const byPrice = (a: Row, b: Row): number =>
  (a.pricePerHour ?? Infinity) === (b.pricePerHour ?? Infinity)
    ? a.instanceType.localeCompare(b.instanceType) || a.zone.localeCompare(b.zone)
    : (a.pricePerHour ?? Infinity) - (b.pricePerHour ?? Infinity);

function rowOf(zone: string, type: TypeInfo, offered: boolean, stability?: Stability, onDemand?: number): Row {
  const about = { ...type, zone, onDemandPerHour: onDemand };
  if (!offered) return { ...about, status: 'not offered' };
  if (!stability) return { ...about, status: 'no spot price' };
  return {
    ...about,
    status: 'offered',
    pricePerHour: stability.price,
    pricePerMonth: stability.price * HOURS_PER_MONTH,
    savingPercent: onDemand === undefined ? undefined : (1 - stability.price / onDemand) * 100,
    stability,
  };
}

/**
 * Asks AWS for everything the report holds.
 * @throws Failure for unknown types, AwsCallError or an AggregateError of them when calls failed
 */
export async function makeReport(aws: Aws, { region, instanceTypes, days, now }: Question): Promise<Report> {
  const window = { from: new Date(now.getTime() - days * 24 * 60 * 60 * 1000), to: now };
  const { zones, types, offered, notes } = await readCatalog(aws, region, instanceTypes);
  const isOffered = (zone: string, type: string) => offered.get(zone)?.has(type) ?? false;
  const somewhere = instanceTypes.filter((type) => zones.some((zone) => isOffered(zone, type)));
  const nowhere = instanceTypes.filter((type) => !somewhere.includes(type));

  const [history, onDemand] = await Promise.all([
    readHistory(aws, region, somewhere, window),
    readOnDemandPrices(aws, region, somewhere),
  ]);
  const rows = zones.flatMap((zone) =>
    types.map((type) =>
      rowOf(
        zone,
        type,
        isOffered(zone, type.instanceType),
        stabilityOf(history.get(pairKey(zone, type.instanceType)) ?? [], window),
        onDemand.prices.get(type.instanceType),
      ),
    ),
  );
  return {
    region,
    window,
    days,
    rows: rows.sort(byPrice),
    types,
    zones,
    notes: [
      ...notes,
      ...(nowhere.length > 0 ? [`not offered in any zone of ${region}: ${nowhere.join(', ')}`] : []),
      ...onDemand.notes,
    ],
  };
}
