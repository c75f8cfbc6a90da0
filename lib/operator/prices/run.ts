import { writeFileSync } from 'node:fs';
import { UsageError } from '../errors';
import type { World } from '../world';
import type { Aws } from './aws';
import { drawChart } from './chart';
import { toCsv, toJson } from './format';
import { DEFAULT_REGION, parseOptions, regionFault, type Format, type Given, type Options } from './options';
import { makeReport, type Report } from './report';
import { toTable } from './table';

const WRITERS: Record<Format, (report: Report) => string> = { table: toTable, json: toJson, csv: toCsv };

async function chooseRegion({ region }: Options, { env, profileRegion }: World): Promise<[string, string]> {
  if (region) return [region, 'as asked'];
  if (env.AWS_REGION) return [env.AWS_REGION, 'from AWS_REGION'];
  if (env.AWS_DEFAULT_REGION) return [env.AWS_DEFAULT_REGION, 'from AWS_DEFAULT_REGION'];
  const ofProfile = await profileRegion();
  return ofProfile ? [ofProfile, 'from the AWS profile'] : [DEFAULT_REGION, 'the default'];
}

/**
 * Compares prices, and writes data to the world's output and notes beside it.
 * @throws UsageError, Failure, AwsCallError or an AggregateError of them
 */
export async function comparePrices(given: Given, world: World, aws: Aws): Promise<void> {
  const options = parseOptions(given);
  const [region, source] = await chooseRegion(options, world);
  const fault = regionFault(region);
  if (fault) throw new UsageError([`${fault} (${source})`]);

  const { instanceTypes, days, format, chart } = options;
  world.say(`region ${region} (${source}), last ${days === 1 ? 'day' : `${days} days`}, Linux/UNIX, prices in USD`);
  const made = await makeReport(aws, { region, instanceTypes, days, now: world.now() });
  world.out(WRITERS[format](made));
  for (const note of made.notes) world.say(note);
  if (!chart) return;
  try {
    writeFileSync(chart, drawChart(made));
  } catch (error) {
    throw new UsageError([`chart cannot be written: ${(error as Error).message}`]);
  }
  world.say(`chart written to ${chart}`);
}
