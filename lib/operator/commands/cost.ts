import { writeFileSync } from 'node:fs';
import { AwsCallError } from '../aws/calls';
import { explain } from '../aws/explain';
import type { Context } from '../context';
import { drawChart } from '../cost/chart';
import { measure } from '../cost/measured';
import { askedPrices, recordedPrices, RECORDED_REGIONS } from '../cost/prices';
import { unknownTypes, type Measured, type Template } from '../cost/quantities';
import { makeReport, type Spot, type Variant } from '../cost/report';
import type * as synthesis from '../cost/synthesis';
import { toTable } from '../cost/table';
import { Deployment } from '../deployment';
import { EXIT, UsageError } from '../errors';
import { connect as connectToAws, type Aws } from '../prices/aws';
import { pairKey, readHistory, stabilityOf } from '../prices/history';
import { chartFault } from '../prices/options';
import { settingsOf } from '../settings';
import { collect, command, type Definition } from './definition';

const DAYS_MS = 7 * 86_400_000;

// What each setting would save: one value of each that a person may want to weigh.
const CHANGES: readonly (readonly [string, string])[] = [
  ['observability', 'lean'],
  ['observability', 'full'],
  ['flowLogs', 'infrequent-access'],
  ['flowLogs', 's3'],
  ['flowLogs', 'off'],
  ['market', 'on-demand'],
  ['instanceType', 't4g.small'],
  ['instanceType', 't4g.medium'],
  ['rootVolumeSizeGib', '8'],
  ['backupIntervalMinutes', '60'],
  ['schedule', 'stop 0 23 * * *, start 0 7 * * *'],
];

/** @param connect - makes what answers for prices */
export const costCommand = (connect: () => Aws = connectToAws): Definition => ({
  command: command(
    {
      usage: 'cost',
      summary: 'what a month costs, part by part, and what each setting would save',
      description:
        'Prices what a deploy with these settings would make, from its own template: list prices of its region by the ' +
        'Price List, the spot price now and over 7 days, and, where the deployment runs, the bytes that it really logs ' +
        'and stores. No free tier is counted, and no traffic out of AWS. Needs pricing:GetProducts and ' +
        'ec2:DescribeSpotPriceHistory; cloudwatch:GetMetricStatistics for what was measured. What cannot be asked is a ' +
        'note, and its price the recorded one.',
      examples: [
        'cost --az me-central-1a',
        'cost --offline -c backupIntervalMinutes=60',
        'cost --chart cost.svg --json',
      ],
    },
    (made) =>
      made
        .option('-c, --context <key=value>', 'a setting, as in `cdk deploy -c`; can be given more than once', collect)
        .option('--offline', `by recorded prices, of ${RECORDED_REGIONS.join(', ')} alone; asks nobody (or OFFLINE=1)`)
        .option('--chart <file>', 'also draws the parts into this .svg file (or CHART)'),
  ),
  work: async (context) => {
    const { env } = context.world;
    const options = context.options as { offline?: boolean; chart?: string };
    const chart = options.chart ?? (env.CHART === '' ? undefined : env.CHART);
    const fault = chart && chartFault(chart);
    if (fault) throw new UsageError([fault]);
    // Only here: it brings the CDK, which takes longer to load than all the rest.
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    const { synthesize, ConfigError } = require('../cost/synthesis') as typeof synthesis;
    const { context: settings, file } = settingsOf(context);
    let made: ReturnType<typeof synthesize>;
    try {
      made = synthesize(settings, file);
    } catch (error) {
      if (error instanceof ConfigError) throw new UsageError([...error.faults]);
      throw error;
    }
    const { config, template } = made;
    const { region, availabilityZone } = config;
    const others = new Map<string, Variant>();
    for (const [key, value] of CHANGES) {
      try {
        const other = synthesize({ ...settings, [key]: value }, file);
        if (JSON.stringify(other.template.Resources) !== JSON.stringify(template.Resources))
          others.set(`${key}=${value}`, other);
      } catch (error) {
        // A value that does not go together with the others is no choice.
        if (!(error instanceof ConfigError)) throw error;
      }
    }
    const notes = unknownTypes(template).map((type) => `${type} is in the template, and no price of it is known here`);
    const known =
      (options.offline ?? Boolean(env.OFFLINE))
        ? { prices: recordedPrices(region), spot: new Map<string, Spot>() }
        : await ask(connect(), context, made, [...others.values()], notes);
    const report = makeReport({ region, availabilityZone }, made, others, known);
    context.show(toTable(report), { ...report, notes: [...report.notes, ...notes] });
    for (const note of [...report.notes, ...notes]) context.say(note);
    if (chart) {
      writeFileSync(chart, drawChart(report));
      context.say(`chart written to ${chart}`);
    }
    return EXIT.done;
  },
});

/** What AWS says of prices and of this deployment; whatever it does not say becomes a note. */
async function ask(
  aws: Aws,
  { world }: Context,
  { config, template, instanceType }: ReturnType<typeof synthesis.synthesize>,
  others: readonly Variant[],
  notes: string[],
) {
  const { region, availabilityZone } = config;
  const part = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof AwsCallError)) throw error;
      notes.push(explain(error));
      return undefined;
    }
  };
  const types = [...new Set([instanceType, ...others.map((other) => other.instanceType)])];
  const to = world.now();
  const window = { from: new Date(to.getTime() - DAYS_MS), to };
  const prices = await askedPrices(aws, region, types);
  const history = await part(() => readHistory(aws, region, types, window));
  const spot = new Map<string, Spot>();
  for (const type of types) {
    const found = stabilityOf(history?.get(pairKey(availabilityZone, type)) ?? [], window);
    if (found) spot.set(type, { now: found.price, min: found.min, max: found.max });
  }
  const groups = logGroups(template);
  const deployment = new Deployment(config.stack, region, availabilityZone);
  const measured: Measured | undefined = await part(() => measure(deployment, groups, to));
  return { prices, spot, measured };
}

const logGroups = ({ Resources }: Template): string[] =>
  Object.values(Resources)
    .filter(({ Type }) => Type === 'AWS::Logs::LogGroup')
    .map(({ Properties }) => String(Properties?.LogGroupName));
