import type { SpotPrice, _InstanceType } from '@aws-sdk/client-ec2';
import { asking, everyPage } from '../aws/calls';
import type { Aws } from './aws';

/** What this project runs; the other products (Windows, Red Hat, SUSE) have prices of their own. */
const PRODUCT = 'Linux/UNIX';

export interface Window {
  readonly from: Date;
  readonly to: Date;
}

/** A price in USD per hour, in force from `at` on. */
export interface PricePoint {
  readonly at: Date;
  readonly price: number;
}

export interface Stability {
  /** In force at the end of the window. */
  readonly price: number;
  /** When that price began; can lie before the window. */
  readonly since: Date;
  readonly min: number;
  readonly max: number;
  /** How often the price became another one inside the window. */
  readonly changes: number;
  /** The steps inside the window; the first is the price in force at its start, where there was one. */
  readonly steps: PricePoint[];
}

/** Names one type in one zone. */
export const pairKey = (zone: string, instanceType: string): string => `${zone} ${instanceType}`;

/** The price points of all pairs, by {@link pairKey}, in no order, as EC2 has them. */
export async function readHistory(
  aws: Aws,
  region: string,
  types: readonly string[],
  { from, to }: Window,
): Promise<Map<string, PricePoint[]>> {
  if (types.length === 0) return new Map();
  const ec2 = aws.ec2(region);
  const prices: SpotPrice[] = await everyPage(
    (NextToken) =>
      asking('ec2:DescribeSpotPriceHistory', region, () =>
        ec2.describeSpotPriceHistory({
          InstanceTypes: types as _InstanceType[],
          ProductDescriptions: [PRODUCT],
          StartTime: from,
          EndTime: to,
          NextToken,
        }),
      ),
    (page) => page.SpotPriceHistory,
  );
  const points = new Map<string, PricePoint[]>();
  for (const { AvailabilityZone, InstanceType, SpotPrice, Timestamp } of prices) {
    if (!AvailabilityZone || !InstanceType || !SpotPrice || !Timestamp) continue;
    const key = pairKey(AvailabilityZone, InstanceType);
    points.set(key, [...(points.get(key) ?? []), { at: Timestamp, price: Number(SpotPrice) }]);
  }
  return points;
}

/**
 * The price over a window. EC2 also returns the last change before the start, which is the price in force there
 * (API reference, DescribeSpotPriceHistory): it belongs to the range, and it is no change inside the window. EC2 also
 * repeats a price that stayed as it was; that is no change either.
 * @returns undefined where there is no price
 */
export function stabilityOf(points: readonly PricePoint[], { from, to }: Window): Stability | undefined {
  const inOrder = points.filter(({ at }) => at <= to).sort((a, b) => a.at.getTime() - b.at.getTime());
  const distinct = inOrder.filter(({ price }, index) => price !== inOrder[index - 1]?.price);
  const inForce = distinct.filter(({ at }) => at <= from).at(-1);
  const inside = distinct.filter(({ at }) => at > from);
  const last = distinct.at(-1);
  if (!last) return undefined;

  const steps = inForce ? [{ at: from, price: inForce.price }, ...inside] : inside;
  const prices = steps.map(({ price }) => price);
  return {
    price: last.price,
    since: last.at,
    min: Math.min(...prices),
    max: Math.max(...prices),
    changes: steps.length - 1,
    steps,
  };
}
