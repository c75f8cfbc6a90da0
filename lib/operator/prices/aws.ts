import type {
  DescribeAvailabilityZonesRequest,
  DescribeAvailabilityZonesResult,
  DescribeInstanceTypeOfferingsRequest,
  DescribeInstanceTypeOfferingsResult,
  DescribeInstanceTypesRequest,
  DescribeInstanceTypesResult,
  DescribeRegionsRequest,
  DescribeRegionsResult,
  DescribeSpotPriceHistoryRequest,
  DescribeSpotPriceHistoryResult,
} from '@aws-sdk/client-ec2';
import type { GetProductsRequest, GetProductsResponse } from '@aws-sdk/client-pricing';
import { CLIENT_SETTINGS, HOME_REGION } from '../aws/calls';
import { sdk } from '../aws/sdk';

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

/** The real AWS, with the SDK's default credential chain. */
export function connect(): Aws {
  const { EC2 } = sdk.ec2();
  const { Pricing } = sdk.pricing();
  return {
    ec2: (region) => new EC2({ region, ...CLIENT_SETTINGS }),
    pricing: () => new Pricing({ region: HOME_REGION, ...CLIENT_SETTINGS }),
  };
}
