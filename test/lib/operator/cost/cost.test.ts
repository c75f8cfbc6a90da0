import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RECORDED_REGIONS } from '../../../../lib/operator/cost/prices';
import { quantitiesOf, unknownTypes, type Template } from '../../../../lib/operator/cost/quantities';
import type { Report } from '../../../../lib/operator/cost/report';
import { synthesize } from '../../support/synthesize';
import { json, REGION, useDeployment } from '../support/deployment-on-loopback';
import { environment, ROOT, type Asked, type Answer } from '../support/local-servers';
import { tool } from '../support/tool';

// Each setting that is looked at is a synthesis.
jest.setTimeout(60_000);

const NOW = new Date('2026-11-23T20:00:00Z');
const now = () => NOW;
const templateOf = (context: Record<string, unknown> = {}) => synthesize(context).toJSON() as Template;

describe('what the template makes', () => {
  test.each([
    {},
    { backup: 'mirror' },
    { backup: 'off' },
    { cpuCredits: 'unlimited', alarmEmail: 'ops@example.com', observability: 'full' },
    { flowLogs: 's3' },
    { schedule: 'stop 0 23 * * *, start 0 7 * * *' },
    { flowLogs: 'infrequent-access' },
    { image: '123456789012.dkr.ecr.me-central-1.amazonaws.com/openclaw:1' },
  ])('has a price, or is known to have none, with %j', (context) => {
    expect(unknownTypes(templateOf(context))).toEqual([]);
  });

  test('is not known where it is of another type', () => {
    const { Resources } = templateOf();
    expect(unknownTypes({ Resources: { ...Resources, Nat: { Type: 'AWS::EC2::NatGateway' } } })).toEqual([
      'AWS::EC2::NatGateway',
    ]);
  });

  const amounts = (context: Record<string, unknown>) =>
    Object.fromEntries(quantitiesOf(templateOf(context)).map(({ price, amount }) => [price, amount]));

  test('is counted from its own properties', () => {
    expect(amounts({ rootVolumeSizeGib: 20 })).toMatchObject({ 'volume.gp3': 20, 'address.ipv4': 730, instance: 730 });
    expect(amounts({ backup: 'off' })).not.toHaveProperty('s3.stored');
    const alarms = Object.values(synthesize().findResources('AWS::CloudWatch::Alarm')) as {
      Properties: { Metrics?: object[] };
    }[];
    // An expression and its two metrics.
    expect(alarms.filter(({ Properties }) => Properties.Metrics?.length === 3)).toHaveLength(1);
    expect(amounts({}).alarm).toBe(alarms.length + 1);
  });

  test('has the machine, its disk and its address for as long as the schedule says', () => {
    const [all, nights] = [amounts({}), amounts({ schedule: 'stop 0 23 * * *, start 0 7 * * *' })];
    for (const price of ['instance', 'volume.gp3', 'address.ipv4', 'metric.custom']) {
      expect([price, nights[price]]).toEqual([price, expect.closeTo(((all[price] ?? 0) * 16) / 24)]);
    }
    for (const price of ['alarm', 's3.stored']) expect([price, nights[price]]).toEqual([price, all[price]]);
  });

  test('asks S3 less with fewer backups', () => {
    expect(amounts({ backupIntervalMinutes: 60 })['s3.write']).toBe((amounts({})['s3.write'] ?? 0) / 3);
  });
});

describe('without an account', () => {
  const offline = (args: string[] = [], env: Record<string, string> = {}) =>
    tool(environment('http://127.0.0.1:9', env), ['cost', '--az', 'us-east-1a', '--json', ...args], { now });

  test('every row has its amount, who counted it, its price and who says it', async () => {
    const { status, out, said } = await offline(['--offline']);
    const { rows, bare, around, total } = JSON.parse(out) as Report;
    expect([status, said]).toEqual([0, []]);
    for (const row of rows) {
      expect(row).toMatchObject({ basis: expect.stringMatching(/\w/) as string, usd: expect.any(Number) as number });
      expect(row.source).toMatch(
        /(recorded \d{4}-\d\d-\d\d|widely known): .*(Price List|https:\/\/aws\.amazon\.com\/)/,
      );
    }
    const usd = (part: string) => rows.find((row) => row.part === part)?.usd;
    expect(usd('root volume')).toBeCloseTo(15 * 0.08);
    expect(usd('public IPv4')).toBeCloseTo(730 * 0.005);
    expect(usd('instance t4g.small')).toBeCloseTo(730 * 0.0168);
    expect(rows.find(({ price }) => price === 'instance')?.source).toMatch(/^at most: spot price unknown/);
    expect(bare).toBeCloseTo(15 * 0.08 + 730 * (0.005 + 0.0168));
    expect(bare + around).toBeCloseTo(total);
  });

  test('what stands around a machine costs two dollars, and a quarter of what it did', async () => {
    const around = async (observability: string) =>
      (JSON.parse((await offline(['--offline', '-c', `observability=${observability}`])).out) as Report).around;
    const [lean, full] = [await around('lean'), await around('full')];
    expect(lean).toBeLessThanOrEqual(2);
    expect(lean / full).toBeLessThanOrEqual(0.25);
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
    const [, ...said] =
      /^\| \*\*what stands around .*?\*\* +\| +\*\*([\d.]+)\*\* \| \*\*([\d.]+)\*\* \|$/m.exec(readme) ?? [];
    expect(said).toEqual([lean.toFixed(2), full.toFixed(2)]);
  });

  test('OFFLINE=1 is the same, and each setting says what it saves', async () => {
    const { out } = await offline([], { OFFLINE: '1' });
    const { savings, total } = JSON.parse(out) as Report;
    const less = Object.fromEntries(savings.map(({ setting, usd }) => [setting, usd]));
    expect(less['rootVolumeSizeGib=8']).toBeCloseTo(7 * 0.08);
    expect(less['schedule=stop 0 23 * * *, start 0 7 * * *']).toBeGreaterThan((1.2 + 3.65) / 3);
    expect(less['instanceType=t4g.medium']).toBeCloseTo(-730 * 0.0168);
    expect(less).not.toHaveProperty('instanceType=t4g.small');
    const smaller = JSON.parse((await offline(['--offline', '-c', 'rootVolumeSizeGib=8'])).out) as Report;
    expect(total - smaller.total).toBeCloseTo(7 * 0.08);
  });

  test('a region that is not recorded says whose prices stand in for its own', async () => {
    const { said } = await offline(['--offline', '--az', 'me-central-1a']);
    expect(RECORDED_REGIONS).not.toContain('me-central-1');
    expect(said).toEqual([expect.stringMatching(/^no prices of me-central-1 are recorded here: those of us-east-1 /)]);
  });

  test('a setting that is not allowed is named', async () => {
    const { status, said } = await offline(['--offline', '-c', 'market=auction', '-c', 'nonsense']);
    expect([status, said]).toEqual([2, ["error: a setting must be like key=value, got 'nonsense'"]]);
    const { said: next } = await offline(['--offline', '-c', 'market=auction']);
    expect(next).toEqual([expect.stringMatching(/^error: market must be spot or on-demand, got 'auction'/)]);
  });

  test('the table and the picture show the same sum', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'cost-'));
    const chart = join(directory, 'cost.svg');
    const args = ['cost', '--az', 'us-east-1a', '--offline', '--chart', chart];
    const { status, out, said } = await tool(environment('http://127.0.0.1:9'), args, { now });
    expect([status, said]).toEqual([0, [`chart written to ${chart}`]]);
    const [, sum = ''] = /^in all +([\d.]+) /m.exec(out) ?? [];
    const drawn = readFileSync(chart, 'utf8');
    rmSync(directory, { recursive: true });
    expect(drawn).toContain(`OpenClaw on t4g.small in us-east-1: ${sum} USD a month`);
    expect(drawn).toMatch(/>root volume<\/text>\n<rect [^>]+>\n<text [^>]+>1\.20</);
    expect(out).toMatch(/^root volume +1\.20 +15 GB +the template +\[\d+\]$/m);
    expect(out).toMatch(/^\[1\] recorded /m);
  });
});

/** A product as the Price List has it, free for a first part of it where `free` says so. */
const product = (usagetype: string, usd: string, free?: string): string => {
  const dimension = (beginRange: string, USD: string) => ({ beginRange, unit: 'any', pricePerUnit: { USD } });
  const priceDimensions = free
    ? { a: dimension('0', '0.0000000000'), b: dimension(free, usd) }
    : { a: dimension('0', usd) };
  return JSON.stringify({
    product: { attributes: { usagetype, regionCode: REGION } },
    terms: { OnDemand: { term: { effectiveDate: '2026-11-01T00:00:00Z', priceDimensions } } },
  });
};

const PRICE_LIST: Record<string, string[]> = {
  AmazonVPC: [product('MEC1-PublicIPv4:IdleAddress', '0.007'), product('MEC1-PublicIPv4:InUseAddress', '0.006')],
  AmazonCloudWatch: [
    product('MEC1-CW:MetricMonitorUsage', '0.31'),
    product('MEC1-CW:AlarmMonitorUsage', '0.11'),
    product('MEC1-DataProcessing-Bytes', '0.57', '5'),
  ],
  AmazonS3: [product('MEC1-Tables-TimedStorage-ByteHrs', '9'), product('MEC1-TimedStorage-ByteHrs', '0.025')],
};

describe('with an account', () => {
  const deployment = useDeployment();

  const listed = ({ body }: Asked): Answer => {
    const { ServiceCode, Filters } = JSON.parse(body) as {
      ServiceCode: string;
      Filters: { Field: string; Value: string }[];
    };
    const fields = Object.fromEntries(Filters.map(({ Field, Value }) => [Field, Value]));
    expect(fields.regionCode).toBe(REGION);
    if (fields.instanceType === undefined) return json({ PriceList: PRICE_LIST[ServiceCode] ?? [] });
    const hourly = { priceDimensions: { a: { unit: 'Hrs', pricePerUnit: { USD: '0.0203' } } } };
    return json({ PriceList: [JSON.stringify({ terms: { OnDemand: { term: hourly } } })] });
  };
  const spot = (...prices: [string, string][]): Answer => ({
    status: 200,
    body: `<DescribeSpotPriceHistoryResponse><spotPriceHistorySet>${prices
      .map(
        ([price, time]) =>
          `<item><availabilityZone>${REGION}a</availabilityZone><instanceType>t4g.small</instanceType><spotPrice>${price}</spotPrice><timestamp>${time}</timestamp></item>`,
      )
      .join('')}</spotPriceHistorySet></DescribeSpotPriceHistoryResponse>`,
  });
  const measured = ({ body }: Asked): Answer => {
    if (body.includes('BucketSizeBytes')) {
      const at = (day: string, Average: number) => ({ Timestamp: Date.parse(`2026-11-${day}`) / 1000, Average });
      return json({ Datapoints: [at('22', 3e9), at('23', 4e9), at('21', 2e9)] });
    }
    return json({ Datapoints: body.includes('/gateway') ? [{ Sum: 24e6 }, { Sum: 12e6 }] : [] });
  };

  test("asks for the region's own prices, the spot price and what was measured", async () => {
    deployment.answers = {
      GetProducts: listed,
      DescribeSpotPriceHistory: spot(['0.0075', '2026-11-10T00:00:00Z'], ['0.0081', '2026-11-20T00:00:00Z']),
      GetMetricStatistics: measured,
    };
    const args = ['cost', '--az', `${REGION}a`, '--json', '-c', 'observability=full'];
    const { status, out, said } = await deployment.run(args, {}, { now });
    expect(status).toBe(0);
    const report = JSON.parse(out) as Report;
    const of = (price: string) => report.rows.filter((row) => row.price === price);
    expect(of('instance')).toEqual([
      expect.objectContaining({
        usd: 730 * 0.0081,
        source: 'spot price now; 0.0075 to 0.0081 USD an hour in the last 7 days',
      }),
    ]);
    expect(report.spot).toEqual({ now: 0.0081, min: 0.0075, max: 0.0081 });
    expect(of('address.ipv4')[0]).toMatchObject({
      usd: 730 * 0.006,
      source: expect.stringMatching(/^Price List AmazonVPC/) as string,
    });
    expect(of('alarm')[0]?.usd).toBeCloseTo((of('alarm')[0]?.amount ?? 0) * 0.11);
    expect(of('s3.stored')[0]).toMatchObject({ amount: 4, basis: 'measured', usd: 4 * 0.025 });
    const gateway = report.rows.find(({ part }) => part === 'logs: gateway');
    expect(gateway).toMatchObject({
      basis: 'measured over 7 days',
      source: expect.stringContaining('2026-11-01') as string,
    });
    // The price of what is not free, for 18 MB a day.
    expect(gateway?.usd).toBeCloseTo(0.57 * 0.018 * (730 / 24));
    expect(said).toContain(`the Price List has no price of dashboard in ${REGION}: the recorded one is shown`);
    expect(of('dashboard')[0]?.source).toMatch(/^widely known: /);
    const less = report.savings.find(({ setting }) => setting === 'market=on-demand')?.usd;
    expect(less).toBeCloseTo(730 * (0.0081 - 0.0203));
  });

  test('what may not be asked is a note, and its price the recorded one', async () => {
    const denied = json({ __type: 'AccessDeniedException', message: 'no' }, 400);
    deployment.answers = {
      GetProducts: denied,
      GetMetricStatistics: denied,
      DescribeSpotPriceHistory: {
        status: 403,
        body: '<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>',
      },
    };
    const { status, out, said } = await deployment.run(['cost', '--az', `${REGION}a`, '--json'], {}, { now });
    expect(status).toBe(0);
    expect(said.join('\n')).toMatch(/not allowed: pricing:GetProducts/);
    expect(said.join('\n')).toMatch(/not allowed: ec2:DescribeSpotPriceHistory/);
    expect(said.join('\n')).toMatch(/not allowed: cloudwatch:GetMetricStatistics/);
    const { rows } = JSON.parse(out) as Report;
    expect(rows.find(({ price }) => price === 'address.ipv4')?.source).toMatch(/^widely known: /);
  });
});
