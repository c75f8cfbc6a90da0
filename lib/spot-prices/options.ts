import { accessSync, constants, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { UsageError } from './errors';

export const FORMATS = ['table', 'json', 'csv'] as const;
export type Format = (typeof FORMATS)[number];

/** Enough memory for OpenClaw, cheapest first; the T family is not in every region, its neighbours are. */
export const DEFAULT_TYPES = ['t4g.small', 't4g.medium', 'c6g.medium', 'm6g.medium', 'm7g.medium', 'm7g.large'];
export const DEFAULT_REGION = 'me-central-1';
/** EC2 keeps spot prices for 90 days (API reference, DescribeSpotPriceHistory). */
const MAX_DAYS = 90;
const DEFAULT_DAYS = 7;

export interface Options {
  readonly help: boolean;
  readonly instanceTypes: readonly string[];
  /** As given; the caller chooses one when it was left out. */
  readonly region: string | undefined;
  readonly format: Format;
  /** File to write the chart to. */
  readonly chart: string | undefined;
  readonly days: number;
}

export const HELP = `usage: ec2-spot-prices [--instance-types "TYPE ..."] [--region REGION] [--format FORMAT] [--chart FILE] [--days N]

Compares EC2 spot prices (Linux/UNIX, USD) of instance types over the availability zones of a region.

  --instance-types  types, separated by spaces or commas; can be given more than once
                    (default: ${DEFAULT_TYPES.join(' ')})
  --region          region to look at (default: AWS_REGION, AWS_DEFAULT_REGION, the AWS profile's, else ${DEFAULT_REGION})
  --format          ${FORMATS.join(', ')} (default: table)
  --chart           also draws the price history into this .svg file
  --days            length of the history, 1 to ${MAX_DAYS} (default: ${DEFAULT_DAYS})
  --help            this text

Needs ec2:DescribeAvailabilityZones, ec2:DescribeInstanceTypes, ec2:DescribeInstanceTypeOfferings and
ec2:DescribeSpotPriceHistory; ec2:DescribeRegions explains a region that fails; pricing:GetProducts gives the savings.
Data goes to stdout, everything else to stderr. Exits with 2 for a wrong command line, 1 when AWS cannot be asked.
`;

/** What is wrong with the name, or undefined. A well-formed name can still be unknown; AWS decides that. */
export function regionFault(region: string): string | undefined {
  const zone = /^([a-z]{2,}(?:-[a-z]+)+-\d+)[a-z]$/.exec(region);
  if (zone) return `region must be a region, got the availability zone '${region}': did you mean ${zone[1]}?`;
  if (!/^[a-z]{2,}(-[a-z]+)+-\d+$/.test(region))
    return `region must be a region like ${DEFAULT_REGION}, got '${region}'`;
  if (region.startsWith('cn-')) return `region must not be in China, where prices are not in USD, got '${region}'`;
  return undefined;
}

function chartFault(chart: string): string | undefined {
  if (!chart.endsWith('.svg')) return `chart must be an .svg file, got '${chart}'`;
  if (statSync(chart, { throwIfNoEntry: false })?.isDirectory())
    return `chart must be a file, got the directory '${chart}'`;
  try {
    accessSync(statSync(chart, { throwIfNoEntry: false }) ? chart : dirname(resolve(chart)), constants.W_OK);
    return undefined;
  } catch (error) {
    return `chart cannot be written, got '${chart}': ${(error as NodeJS.ErrnoException).code}`;
  }
}

const given = (value: string | undefined) => (value?.trim() === '' ? undefined : value?.trim());

/**
 * Reads the command line. An empty value counts as left out, because make passes one for a variable that is not set.
 * @throws UsageError with every fault
 */
export function parseOptions(args: readonly string[]): Options {
  const values = parsed(args);
  const faults: string[] = [];
  const instanceTypes = [...new Set((values['instance-types'] ?? []).flatMap((text) => text.split(/[\s,]+/)))].filter(
    (type) => type !== '',
  );
  for (const type of instanceTypes) {
    if (!/^[a-z][a-z0-9-]*\.[a-z0-9-]+$/.test(type)) {
      faults.push(`instance type must look like t4g.small (lower case), got '${type}'`);
    }
  }
  const format = FORMATS.find((known) => known === (given(values.format) ?? 'table'));
  if (!format) faults.push(`format must be one of ${FORMATS.join(', ')}, got '${values.format ?? ''}'`);
  const days = Number(given(values.days) ?? DEFAULT_DAYS);
  if (!Number.isInteger(days) || days < 1 || days > MAX_DAYS) {
    faults.push(`days must be a whole number from 1 to ${MAX_DAYS}, got '${values.days ?? ''}'`);
  }
  const region = given(values.region);
  const chart = given(values.chart);
  for (const fault of [region && regionFault(region), chart && chartFault(chart)]) if (fault) faults.push(fault);
  if (faults.length > 0 || !format) throw new UsageError(faults);
  return {
    help: values.help ?? false,
    instanceTypes: instanceTypes.length > 0 ? instanceTypes : DEFAULT_TYPES,
    region,
    format,
    chart,
    days,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        'instance-types': { type: 'string', multiple: true },
        region: { type: 'string' },
        format: { type: 'string' },
        chart: { type: 'string' },
        days: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError([`${(error as Error).message.split('. ')[0] ?? ''}; see --help`]);
  }
}
