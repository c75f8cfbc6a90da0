import { accessSync, constants, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { UsageError } from '../errors';

export const FORMATS = ['table', 'json', 'csv'] as const;
export type Format = (typeof FORMATS)[number];

/** Enough memory for OpenClaw, cheapest first; the T family is not in every region, its neighbours are. */
export const DEFAULT_TYPES = ['t4g.small', 't4g.medium', 'c6g.medium', 'm6g.medium', 'm7g.medium', 'm7g.large'];
export const DEFAULT_REGION = 'me-central-1';
/** EC2 keeps spot prices for 90 days (API reference, DescribeSpotPriceHistory). */
export const MAX_DAYS = 90;
export const DEFAULT_DAYS = 7;

/** As the command line, or make's environment, has them. */
export interface Given {
  readonly instanceTypes?: readonly string[] | undefined;
  readonly region?: string | undefined;
  readonly format?: string | undefined;
  readonly chart?: string | undefined;
  readonly days?: string | undefined;
}

export interface Options {
  readonly instanceTypes: readonly string[];
  /** As given; the caller chooses one when it was left out. */
  readonly region: string | undefined;
  readonly format: Format;
  /** File to write the chart to. */
  readonly chart: string | undefined;
  readonly days: number;
}

/** What is wrong with the name, or undefined. A well-formed name can still be unknown; AWS decides that. */
export function regionFault(region: string): string | undefined {
  const zone = /^([a-z]{2,}(?:-[a-z]+)+-\d+)[a-z]$/.exec(region);
  if (zone) return `region must be a region, got the availability zone '${region}': did you mean ${zone[1]}?`;
  if (!/^[a-z]{2,}(-[a-z]+)+-\d+$/.test(region))
    return `region must be a region like ${DEFAULT_REGION}, got '${region}'`;
  if (region.startsWith('cn-')) return `region must not be in China, where prices are not in USD, got '${region}'`;
  return undefined;
}

/** Why a chart cannot be written to this file, or undefined. */
export function chartFault(chart: string): string | undefined {
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
 * Reads what was given. An empty value counts as left out, because make passes one for a variable that is not set.
 * @throws UsageError with every fault
 */
export function parseOptions(values: Given): Options {
  const faults: string[] = [];
  const instanceTypes = [...new Set((values.instanceTypes ?? []).flatMap((text) => text.split(/[\s,]+/)))].filter(
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
    instanceTypes: instanceTypes.length > 0 ? instanceTypes : DEFAULT_TYPES,
    region,
    format,
    chart,
    days,
  };
}
