import { EXIT } from '../errors';
import { connect as connectToAws, type Aws } from '../prices/aws';
import { DEFAULT_DAYS, DEFAULT_TYPES, FORMATS, MAX_DAYS, type Given } from '../prices/options';
import { comparePrices } from '../prices/run';
import { collect, command, type Definition } from './definition';

/** @param connect - makes what answers */
export const pricesCommand = (connect: () => Aws = connectToAws): Definition => ({
  command: command(
    {
      usage: 'prices',
      summary: 'compare spot prices of instance types over the zones of a region',
      description:
        'Compares EC2 spot prices (Linux/UNIX, USD) of instance types over the availability zones of a region. Needs ' +
        'ec2:DescribeAvailabilityZones, ec2:DescribeInstanceTypes, ec2:DescribeInstanceTypeOfferings and ' +
        'ec2:DescribeSpotPriceHistory; ec2:DescribeRegions explains a region that fails, pricing:GetProducts gives the savings.',
      examples: [
        'prices --instance-types "t4g.small t4g.medium" --region me-central-1',
        'prices --chart prices.svg --days 30',
      ],
    },
    (made) =>
      made
        .option(
          '--instance-types <types>',
          `types, separated by spaces or commas; can be given more than once (default: INSTANCE_TYPES, else ${DEFAULT_TYPES.join(' ')})`,
          collect,
        )
        .option('--format <format>', `${FORMATS.join(', ')} (default: FORMAT, else table)`)
        .option('--chart <file>', 'also draws the price history into this .svg file (or CHART)')
        .option('--days <days>', `length of the history, 1 to ${MAX_DAYS} (default: ${DEFAULT_DAYS})`),
  ),
  work: async (context) => {
    const options = context.options as Given;
    const { env } = context.world;
    const { region, az, json } = context.options;
    const zone = az ?? (region === undefined && !env.REGION ? env.AZ : undefined);
    await comparePrices(
      {
        instanceTypes: options.instanceTypes ?? (env.INSTANCE_TYPES === undefined ? [] : [env.INSTANCE_TYPES]),
        region: region ?? zone?.replace(/(?<=\d)[a-z]$/, '') ?? env.REGION,
        format: json ? 'json' : (options.format ?? env.FORMAT),
        chart: options.chart ?? env.CHART,
        days: options.days,
      },
      context.world,
      connect(),
    );
    return EXIT.done;
  },
});
