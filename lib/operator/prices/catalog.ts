import { asking, AwsCallError, everyPage, HOME_REGION } from '../aws/calls';
import { closest } from '../aws/closest';
import { explain } from '../aws/explain';
import { Failure } from '../errors';
import type { Aws } from './aws';

export interface TypeInfo {
  readonly instanceType: string;
  readonly architecture?: string | undefined;
  readonly vcpu?: number | undefined;
  readonly memoryGib?: number | undefined;
}

export interface Catalog {
  /** Names of the region's availability zones, local and wavelength zones left out. */
  readonly zones: string[];
  /** In the order asked for. */
  readonly types: TypeInfo[];
  /** For each zone, the types that it offers. */
  readonly offered: Map<string, Set<string>>;
  readonly notes: string[];
}

const byType = (types: readonly string[]) => [{ Name: 'instance-type', Values: [...types] }];

// By filter, not by `InstanceTypes`: the latter fails as a whole when one type is not in the region.
async function describeTypes(aws: Aws, region: string, types: readonly string[]): Promise<Map<string, TypeInfo>> {
  const ec2 = aws.ec2(region);
  const found = await everyPage(
    (NextToken) =>
      asking('ec2:DescribeInstanceTypes', region, () =>
        ec2.describeInstanceTypes({ Filters: byType(types), NextToken }),
      ),
    (page) => page.InstanceTypes,
  );
  return new Map(
    found.map(({ InstanceType = '', ProcessorInfo, VCpuInfo, MemoryInfo }) => [
      InstanceType,
      {
        instanceType: InstanceType,
        architecture: ProcessorInfo?.SupportedArchitectures?.join('/'),
        vcpu: VCpuInfo?.DefaultVCpus,
        memoryGib: MemoryInfo?.SizeInMiB === undefined ? undefined : MemoryInfo.SizeInMiB / 1024,
      },
    ]),
  );
}

async function availabilityZones(aws: Aws, region: string) {
  const ec2 = aws.ec2(region);
  const answer = await asking('ec2:DescribeAvailabilityZones', region, () =>
    ec2.describeAvailabilityZones({ Filters: [{ Name: 'zone-type', Values: ['availability-zone'] }] }),
  );
  return answer.AvailabilityZones ?? [];
}

async function offerings(
  aws: Aws,
  region: string,
  LocationType: 'availability-zone' | 'region',
  types?: readonly string[],
): Promise<{ location: string; type: string }[]> {
  const ec2 = aws.ec2(region);
  const Filters = types && byType(types);
  const found = await everyPage(
    (NextToken) =>
      asking('ec2:DescribeInstanceTypeOfferings', region, () =>
        ec2.describeInstanceTypeOfferings({ LocationType, Filters, NextToken }),
      ),
    (page) => page.InstanceTypeOfferings,
  );
  return found.map(({ Location = '', InstanceType = '' }) => ({ location: Location, type: InstanceType }));
}

/**
 * Describes the types that the region does not have, as the home region knows them, so that they can be shown as not
 * offered; a type that is not there either was mistyped.
 * @throws Failure with one line for each mistyped type
 */
async function describeAbsent(aws: Aws, region: string, absent: string[]): Promise<[Map<string, TypeInfo>, string[]]> {
  if (absent.length === 0) return [new Map(), []];
  const places = region === HOME_REGION ? region : `${region} or ${HOME_REGION}`;
  try {
    const elsewhere =
      region === HOME_REGION ? new Map<string, TypeInfo>() : await describeTypes(aws, HOME_REGION, absent);
    const unknown = absent.filter((type) => !elsewhere.has(type));
    if (unknown.length === 0) return [elsewhere, []];
    const all = new Set((await offerings(aws, HOME_REGION, 'region')).map(({ type }) => type));
    throw new Failure(
      unknown.map((type) => {
        const meant = closest(type, all);
        return `unknown instance type '${type}' (not in ${places})${meant.length > 0 ? `: did you mean ${meant.join(' or ')}?` : ''}`;
      }),
    );
  } catch (error) {
    if (!(error instanceof AwsCallError) || region === HOME_REGION) throw error;
    return [
      new Map(),
      [`${absent.join(', ')}: not in ${region}; whether the name is right is not known: ${explain(error)}`],
    ];
  }
}

// Waits for all, so that who lacks rights sees every missing action at once.
async function throwEveryFailure(calls: readonly Promise<unknown>[]): Promise<void> {
  const failures = (await Promise.allSettled(calls)).flatMap((answer) =>
    answer.status === 'rejected' ? [answer.reason as unknown] : [],
  );
  if (failures.length > 0) throw new AggregateError(failures);
}

/**
 * What the region offers of `types`.
 * DescribeInstanceTypeOfferings decides: an old spot price can outlive an offering.
 * @throws Failure for unknown types or when something else than AWS answers, an AggregateError of AwsCallError when calls failed
 */
export async function readCatalog(aws: Aws, region: string, types: readonly string[]): Promise<Catalog> {
  const calls = [
    availabilityZones(aws, region),
    describeTypes(aws, region, types),
    offerings(aws, region, 'availability-zone', types),
  ] as const;
  await throwEveryFailure(calls);
  const [zones, described, pairs] = await Promise.all(calls);
  if (zones.length === 0) {
    throw new Failure([
      `the reply lists no availability zones for ${region}, so it did not come from AWS: check AWS_ENDPOINT_URL and any proxy`,
    ]);
  }
  const absent = types.filter((type) => !described.has(type));
  const [elsewhere, notes] = await describeAbsent(aws, region, absent);

  const names = zones.map(({ ZoneName = '' }) => ZoneName).sort();
  for (const { ZoneName, State } of zones) {
    if (State !== 'available') notes.push(`${ZoneName} is ${State}`);
  }
  return {
    zones: names,
    types: types.map((type) => described.get(type) ?? elsewhere.get(type) ?? { instanceType: type }),
    offered: new Map(
      names.map((zone) => [zone, new Set(pairs.filter(({ location }) => location === zone).map(({ type }) => type))]),
    ),
    notes,
  };
}
