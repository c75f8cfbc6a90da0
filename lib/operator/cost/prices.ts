import { asking, AwsCallError, everyPage, HOME_REGION } from '../aws/calls';
import { explain } from '../aws/explain';
import type { Aws } from '../prices/aws';
import { readOnDemandPrices } from '../prices/on-demand';
import recorded from './recorded-prices.json';

// Where the Price List has what a part is charged by: a service, and a usage type.
const CATALOG = {
  'volume.gp3': ['AmazonEC2', 'EBS:VolumeUsage.gp3'],
  'address.ipv4': ['AmazonVPC', 'PublicIPv4:InUseAddress'],
  'metric.custom': ['AmazonCloudWatch', 'CW:MetricMonitorUsage'],
  'metric.request': ['AmazonCloudWatch', 'CW:Requests'],
  alarm: ['AmazonCloudWatch', 'CW:AlarmMonitorUsage'],
  dashboard: ['AmazonCloudWatch', 'DashboardsUsageHour'],
  'logs.ingest': ['AmazonCloudWatch', 'DataProcessing-Bytes'],
  'logs.ingest-infrequent': ['AmazonCloudWatch', 'DataProcessingIA-Bytes'],
  'logs.vended': ['AmazonCloudWatch', 'VendedLog-Bytes'],
  'logs.vended-infrequent': ['AmazonCloudWatch', 'VendedLogIA-Bytes'],
  'logs.vended-to-s3': ['AmazonCloudWatch', 'S3-Egress-Bytes'],
  'logs.stored': ['AmazonCloudWatch', 'TimedStorage-ByteHrs'],
  's3.stored': ['AmazonS3', 'TimedStorage-ByteHrs'],
  's3.write': ['AmazonS3', 'Requests-Tier1'],
  's3.read': ['AmazonS3', 'Requests-Tier2'],
  mail: ['AmazonSNS', 'DeliveryAttempts-SMTP'],
} as const satisfies Record<string, readonly [string, string]>;

// What narrows a service's list that is too long to be read whole.
const NARROWED: Readonly<Record<string, Readonly<Record<string, string>>>> = { AmazonEC2: { volumeApiName: 'gp3' } };

/** What a quantity is charged by; `instance` is the machine itself. */
export type PriceKey = ListedKey | 'instance';
type ListedKey = keyof typeof CATALOG;
const LISTED_KEYS = Object.keys(CATALOG) as ListedKey[];

export interface Price {
  /** USD for one of the unit. */
  readonly usd: number;
  /** Of this region, which is another one where its own price is not known. */
  readonly region: string;
  /** Who says so, and when. */
  readonly source: string;
}

export interface PriceBook {
  /** @returns undefined where nobody says */
  readonly of: (key: ListedKey) => Price | undefined;
  /** On demand, per hour. */
  readonly instance: (type: string) => Price | undefined;
  readonly notes: readonly string[];
}

interface Recorded {
  readonly regions: Readonly<
    Record<string, Readonly<Record<string, { readonly usd: number; readonly source: string; readonly read?: string }>>>
  >;
}
const RECORDED: Recorded = recorded;

/** The regions whose prices are recorded in this package; the first stands in for all others. */
export const RECORDED_REGIONS = Object.keys(RECORDED.regions);

function fromRecord(name: string, region: string): Price | undefined {
  const from = RECORDED_REGIONS.includes(region) ? region : (RECORDED_REGIONS[0] ?? region);
  const found = RECORDED.regions[from]?.[name];
  return (
    found && {
      usd: found.usd,
      region: from,
      source: `${found.read === undefined ? 'widely known' : `recorded ${found.read}`}: ${found.source}`,
    }
  );
}

/** Prices without an account. */
export function recordedPrices(region: string): PriceBook {
  const missing = RECORDED_REGIONS.includes(region)
    ? []
    : [
        `no prices of ${region} are recorded here: those of ${RECORDED_REGIONS.join(', ')} stand in for them; ` +
          'without --offline the Price List is asked for its own',
      ];
  return {
    of: (key) => fromRecord(key, region),
    instance: (type) => fromRecord(`instance.${type}`, region),
    notes: missing,
  };
}

interface Product {
  readonly product?: { readonly attributes?: { readonly usagetype?: string } };
  readonly terms?: {
    readonly OnDemand?: Record<
      string,
      {
        effectiveDate?: string;
        priceDimensions?: Record<string, { beginRange?: string; pricePerUnit?: { USD?: string } }>;
      }
    >;
  };
}

function productsOf(aws: Aws, service: string, region: string): Promise<Product[]> {
  const pricing = aws.pricing();
  const fields = { regionCode: region, ...NARROWED[service] };
  const Filters = Object.entries(fields).map(([Field, Value]) => ({ Type: 'TERM_MATCH' as const, Field, Value }));
  return everyPage(
    (NextToken) =>
      asking('pricing:GetProducts', HOME_REGION, () =>
        pricing.getProducts({ ServiceCode: service, Filters, NextToken }),
      ),
    (page) => (page.PriceList as string[] | undefined)?.map((text) => JSON.parse(text) as Product),
  );
}

/** A usage type begins with its region's own code, like MEC1-; only us-east-1 has some without. */
function priceAmong(products: readonly Product[], usage: string): { usd: number; since: string } | undefined {
  return products
    .filter(({ product }) => product?.attributes?.usagetype?.replace(/^[A-Z]{2,4}\d-/, '') === usage)
    .map(firstPrice)
    .find((price) => price !== undefined);
}

/** The price of the first unit that is not free. */
function firstPrice({ terms }: Product): { usd: number; since: string } | undefined {
  return Object.values(terms?.OnDemand ?? {})
    .flatMap(({ effectiveDate = '', priceDimensions = {} }) =>
      Object.values(priceDimensions).map(({ beginRange, pricePerUnit }) => ({
        begin: Number(beginRange ?? 0),
        usd: Number(pricePerUnit?.USD),
        since: effectiveDate.slice(0, 10),
      })),
    )
    .filter(({ usd }) => usd > 0)
    .sort((a, b) => a.begin - b.begin)[0];
}

/**
 * The region's own list prices by the Pricing API. What it does not have is taken from the record, and noted.
 * @param types - instance types whose on-demand prices are wanted
 */
export async function askedPrices(aws: Aws, region: string, types: readonly string[]): Promise<PriceBook> {
  const notes: string[] = [];
  const found = new Map<string, Price>();
  try {
    for (const service of new Set(LISTED_KEYS.map((key) => CATALOG[key][0]))) {
      const products = await productsOf(aws, service, region);
      for (const key of LISTED_KEYS.filter((one) => CATALOG[one][0] === service)) {
        const price = priceAmong(products, CATALOG[key][1]);
        if (price)
          found.set(key, { usd: price.usd, region, source: `Price List ${service}, in force since ${price.since}` });
        else notes.push(`the Price List has no price of ${key} in ${region}: the recorded one is shown`);
      }
    }
  } catch (error) {
    if (!(error instanceof AwsCallError)) throw error;
    notes.push(`list prices could not be asked, recorded ones are shown: ${explain(error)}`);
  }
  const instances = await readOnDemandPrices(aws, region, types);
  const record = recordedPrices(region);
  const used = LISTED_KEYS.every((key) => found.has(key)) ? [] : record.notes;
  return {
    of: (key) => found.get(key) ?? record.of(key),
    instance: (type) => {
      const usd = instances.prices.get(type);
      return usd === undefined ? undefined : { usd, region, source: 'Price List AmazonEC2, on demand' };
    },
    notes: [...notes, ...used, ...instances.notes],
  };
}
