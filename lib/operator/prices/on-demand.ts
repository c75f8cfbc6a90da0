import { asking, AwsCallError, everyPage, HOME_REGION } from '../aws/calls';
import { explain } from '../aws/explain';
import type { Aws } from './aws';

/** The parts of a Price List product that are read here; each is a JSON text inside the answer. */
interface Product {
  product?: { attributes?: { instanceType?: string } };
  terms?: {
    OnDemand?: Record<string, { priceDimensions?: Record<string, { unit?: string; pricePerUnit?: { USD?: string } }> }>;
  };
}

export interface OnDemandPrices {
  /** USD per hour by instance type; a type without a known price is not in it. */
  readonly prices: Map<string, number>;
  /** Why prices are missing. */
  readonly notes: string[];
}

function hourlyPrice({ terms }: Product): number | undefined {
  return Object.values(terms?.OnDemand ?? {})
    .flatMap(({ priceDimensions }) => Object.values(priceDimensions ?? {}))
    .filter(({ unit }) => unit === 'Hrs')
    .map(({ pricePerUnit }) => Number(pricePerUnit?.USD))
    .find((price) => price > 0);
}

/** The public on-demand prices for Linux on shared hardware. They are a comfort: where they cannot be had, a note says why. */
export async function readOnDemandPrices(aws: Aws, region: string, types: readonly string[]): Promise<OnDemandPrices> {
  const prices = new Map<string, number>();
  const notes: string[] = [];
  const pricing = aws.pricing();
  for (const type of types) {
    const filters = {
      instanceType: type,
      regionCode: region,
      operatingSystem: 'Linux',
      tenancy: 'Shared',
      preInstalledSw: 'NA',
      capacitystatus: 'Used',
    };
    try {
      const products = await everyPage(
        (NextToken) =>
          asking('pricing:GetProducts', HOME_REGION, () =>
            pricing.getProducts({
              ServiceCode: 'AmazonEC2',
              Filters: Object.entries(filters).map(([Field, Value]) => ({ Type: 'TERM_MATCH', Field, Value })),
              NextToken,
            }),
          ),
        (page) => (page.PriceList as string[] | undefined)?.map((text) => JSON.parse(text) as Product),
      );
      const price = products.map(hourlyPrice).find((found) => found !== undefined);
      if (price === undefined) notes.push(`on-demand price of ${type} in ${region} unknown: the price list has none`);
      else prices.set(type, price);
    } catch (error) {
      if (!(error instanceof AwsCallError)) throw error;
      return { prices, notes: [...notes, `on-demand prices unknown: ${explain(error)}`] };
    }
  }
  return { prices, notes };
}
