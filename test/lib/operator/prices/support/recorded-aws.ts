import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Filter } from '@aws-sdk/client-ec2';
import { HOME_REGION } from '../../../../../lib/operator/aws/calls';
import { pricesCommand } from '../../../../../lib/operator/commands/prices';
import type { Aws, Ec2Api } from '../../../../../lib/operator/prices/aws';
import { run } from '../../../../../lib/operator/program';
import type { World } from '../../../../../lib/operator/world';
import { worldOf } from '../../support/tool';

/** The time of the answers in `recorded/`: the API's shapes and the types' real sizes, but made-up prices and offerings. */
export const NOW = new Date('2026-11-23T20:00:00Z');
export const REGION = 'me-central-1';

const read = (name: string): unknown =>
  JSON.parse(readFileSync(join(__dirname, '..', 'recorded', `${name}.json`), 'utf8'), (key, value: unknown) =>
    key === 'Timestamp' && typeof value === 'string' ? new Date(value) : value,
  );

const wanted = (filters: Filter[] | undefined, type: string | undefined) => {
  const filter = filters?.find(({ Name }) => Name === 'instance-type');
  return filter === undefined || (filter.Values ?? []).includes(type ?? '');
};

/** Errors thrown by calls in place of their answers, by IAM action or by `action@region`. */
export type Failing = Readonly<Record<string, Error>>;

/** An error as the SDK makes it of an answer of AWS. */
export const awsError = (name: string, message: string, httpStatusCode = 400): Error =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode, attempts: 1 } });

/** AWS that gives those answers, filtered as the API does, and keeps what it was asked. */
export class RecordedAws implements Aws {
  readonly asked: { action: string; region: string; input: Record<string, unknown> }[] = [];

  constructor(private readonly failing: Failing = {}) {}

  private answer<T>(action: string, region: string, input: object, make: () => T): Promise<T> {
    this.asked.push({ action, region, input: { ...input } });
    const error = this.failing[`${action}@${region}`] ?? this.failing[action];
    return error ? Promise.reject(error) : Promise.resolve(make());
  }

  ec2(region: string): Ec2Api {
    const suffix = region === HOME_REGION ? `.${HOME_REGION}` : '';
    return {
      describeAvailabilityZones: (input) =>
        this.answer(
          'ec2:DescribeAvailabilityZones',
          region,
          input,
          () => read('describe-availability-zones') as object,
        ),
      describeRegions: (input) =>
        this.answer('ec2:DescribeRegions', region, input, () => read('describe-regions.us-east-1') as object),
      describeInstanceTypes: (input) =>
        this.answer('ec2:DescribeInstanceTypes', region, input, () => {
          const { InstanceTypes } = read(`describe-instance-types${suffix}`) as { InstanceTypes: [] };
          return { InstanceTypes: InstanceTypes.filter(({ InstanceType }) => wanted(input.Filters, InstanceType)) };
        }),
      describeInstanceTypeOfferings: (input) =>
        this.answer('ec2:DescribeInstanceTypeOfferings', region, input, () => {
          const all = read(`describe-instance-type-offerings${suffix}`) as { InstanceTypeOfferings: [] };
          return {
            InstanceTypeOfferings: all.InstanceTypeOfferings.filter(({ InstanceType }) =>
              wanted(input.Filters, InstanceType),
            ),
          };
        }),
      describeSpotPriceHistory: (input) =>
        this.answer('ec2:DescribeSpotPriceHistory', region, input, () => {
          const page = input.NextToken === undefined ? 1 : 2;
          const { NextToken, SpotPriceHistory } = read(`describe-spot-price-history.${page}`) as {
            NextToken: string;
            SpotPriceHistory: { InstanceType: string }[];
          };
          const types: readonly string[] = input.InstanceTypes ?? [];
          return {
            NextToken,
            SpotPriceHistory: SpotPriceHistory.filter(({ InstanceType }) => types.includes(InstanceType)) as [],
          };
        }),
    };
  }

  pricing() {
    return {
      getProducts: (input: { Filters?: { Field?: string | undefined; Value?: string | undefined }[] | undefined }) =>
        this.answer('pricing:GetProducts', HOME_REGION, input, () => {
          const { PriceList } = read('get-products.us-east-1') as { PriceList: string[] };
          return {
            PriceList: PriceList.filter((text) => {
              const { product } = JSON.parse(text) as { product: { attributes: Record<string, string> } };
              return (input.Filters ?? []).every(({ Field = '', Value }) => product.attributes[Field] === Value);
            }),
          };
        }),
    };
  }
}

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly said: string[];
  readonly aws: RecordedAws;
}

/** Runs the whole program on recorded answers. */
export async function runRecorded(
  args: readonly string[],
  failing: Failing = {},
  world: Partial<World> = {},
): Promise<Outcome> {
  const aws = new RecordedAws(failing);
  const said: string[] = [];
  let out = '';
  const recorded: World = {
    ...worldOf({}),
    now: () => NOW,
    out: (text) => (out += text),
    say: (line) => said.push(line),
    ...world,
  };
  const parts = {
    definitions: [pricesCommand(() => aws)],
    regions: (region: string) => aws.ec2(region),
  };
  const code = await run(['prices', ...args], recorded, parts);
  return { code, out, said, aws };
}
