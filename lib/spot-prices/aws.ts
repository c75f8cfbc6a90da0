import {
  EC2,
  type DescribeAvailabilityZonesRequest,
  type DescribeAvailabilityZonesResult,
  type DescribeInstanceTypeOfferingsRequest,
  type DescribeInstanceTypeOfferingsResult,
  type DescribeInstanceTypesRequest,
  type DescribeInstanceTypesResult,
  type DescribeRegionsRequest,
  type DescribeRegionsResult,
  type DescribeSpotPriceHistoryRequest,
  type DescribeSpotPriceHistoryResult,
} from '@aws-sdk/client-ec2';
import { Pricing, type GetProductsRequest, type GetProductsResponse } from '@aws-sdk/client-pricing';

/** The region that always answers: on in every account, it knows all regions, and it has the Pricing API. */
export const HOME_REGION = 'us-east-1';

/** The EC2 calls that are made here; the SDK's own client is one. */
export interface Ec2Api {
  describeAvailabilityZones(input: DescribeAvailabilityZonesRequest): Promise<DescribeAvailabilityZonesResult>;
  describeInstanceTypeOfferings(
    input: DescribeInstanceTypeOfferingsRequest,
  ): Promise<DescribeInstanceTypeOfferingsResult>;
  describeInstanceTypes(input: DescribeInstanceTypesRequest): Promise<DescribeInstanceTypesResult>;
  describeRegions(input: DescribeRegionsRequest): Promise<DescribeRegionsResult>;
  describeSpotPriceHistory(input: DescribeSpotPriceHistoryRequest): Promise<DescribeSpotPriceHistoryResult>;
}

/** The Price List call that is made here. */
export interface PricingApi {
  getProducts(input: GetProductsRequest): Promise<GetProductsResponse>;
}

export interface Aws {
  ec2(region: string): Ec2Api;
  pricing(): PricingApi;
}

/** The real AWS, with the SDK's default credential chain, its retries (throttling included) and short timeouts. */
export function connect(): Aws {
  const settings = {
    maxAttempts: 4,
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
  };
  return {
    ec2: (region) => new EC2({ region, ...settings }),
    pricing: () => new Pricing({ region: HOME_REGION, ...settings }),
  };
}

/** The region of the AWS profile in use, if it names one. */
export async function profileRegion(): Promise<string | undefined> {
  return new EC2({}).config.region().catch(() => undefined);
}

/** A failed call: which IAM action it needed, where it went, and the SDK's error as the cause. */
export class AwsCallError extends Error {
  constructor(
    readonly action: string,
    readonly region: string,
    override readonly cause: unknown,
  ) {
    super(`${action} in ${region} failed`);
  }
}

/** Runs one call; whatever it throws becomes an {@link AwsCallError}. */
export async function asking<T>(action: string, region: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw new AwsCallError(action, region, error);
  }
}

/** The items of all pages. EC2 ends with no token or with an empty one, depending on the call. */
export async function everyPage<Page extends { NextToken?: string | undefined }, Item>(
  ask: (nextToken: string | undefined) => Promise<Page>,
  itemsOf: (page: Page) => Item[] | undefined,
): Promise<Item[]> {
  const items: Item[] = [];
  let nextToken: string | undefined;
  do {
    const page = await ask(nextToken);
    items.push(...(itemsOf(page) ?? []));
    nextToken = page.NextToken === '' ? undefined : page.NextToken;
  } while (nextToken !== undefined);
  return items;
}
