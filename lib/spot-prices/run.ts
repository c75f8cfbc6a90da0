import { writeFileSync } from 'node:fs';
import { AwsCallError, type Aws } from './aws';
import { drawChart } from './chart';
import { explain, explainRegion, Failure, UsageError } from './errors';
import { toCsv, toJson } from './format';
import { DEFAULT_REGION, HELP, parseOptions, regionFault, type Format, type Options } from './options';
import { makeReport, type Report } from './report';
import { toTable } from './table';

/** Everything outside that the program touches, apart from the chart's file. */
export interface World {
  readonly aws: Aws;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly profileRegion: () => Promise<string | undefined>;
  readonly now: () => Date;
  readonly out: (text: string) => void;
  readonly say: (line: string) => void;
}

const WRITERS: Record<Format, (report: Report) => string> = { table: toTable, json: toJson, csv: toCsv };

async function chooseRegion({ region }: Options, { env, profileRegion }: World): Promise<[string, string]> {
  if (region) return [region, 'as asked'];
  if (env.AWS_REGION) return [env.AWS_REGION, 'from AWS_REGION'];
  if (env.AWS_DEFAULT_REGION) return [env.AWS_DEFAULT_REGION, 'from AWS_DEFAULT_REGION'];
  const ofProfile = await profileRegion();
  return ofProfile ? [ofProfile, 'from the AWS profile'] : [DEFAULT_REGION, 'the default'];
}

async function report(args: readonly string[], world: World): Promise<void> {
  const options = parseOptions(args);
  if (options.help) {
    world.out(HELP);
    return;
  }
  const [region, source] = await chooseRegion(options, world);
  const fault = regionFault(region);
  if (fault) throw new UsageError([`${fault} (${source})`]);

  const { instanceTypes, days, format, chart } = options;
  world.say(`region ${region} (${source}), last ${days === 1 ? 'day' : `${days} days`}, Linux/UNIX, prices in USD`);
  const made = await makeReport(world.aws, { region, instanceTypes, days, now: world.now() });
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

async function linesFor(error: unknown, aws: Aws): Promise<string[]> {
  if (error instanceof Failure) return error.lines;
  const errors: unknown[] = error instanceof AggregateError ? error.errors : [error];
  const calls = errors.filter((each) => each instanceof AwsCallError);
  const [first] = calls;
  if (!first || calls.length < errors.length) throw error;
  const ofRegion = await explainRegion(aws, first);
  return ofRegion ? [ofRegion] : [...new Set(calls.map(explain))];
}

/** The whole program. @returns its exit code: 0, 1 when AWS could not be asked, 2 for a wrong command line */
export async function run(args: readonly string[], world: World): Promise<number> {
  try {
    await report(args, world);
    return 0;
  } catch (error) {
    const usage = error instanceof UsageError;
    for (const line of usage ? error.faults : await linesFor(error, world.aws)) world.say(`error: ${line}`);
    return usage ? 2 : 1;
  }
}
