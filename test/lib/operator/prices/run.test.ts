import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { awsError, runRecorded } from './support/recorded-aws';

const small = ['--instance-types', 't4g.small'];
const directory = mkdtempSync(join(tmpdir(), 'spot-prices-'));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

describe('the region', () => {
  const ofProfile = { profileRegion: () => Promise.resolve('eu-west-1') };
  test.each([
    [
      'the one asked for',
      ['--region', 'il-central-1'],
      { env: { AWS_REGION: 'us-west-2' } },
      'il-central-1 (as asked)',
    ],
    [
      'AWS_REGION',
      [],
      { env: { AWS_REGION: 'us-west-2', AWS_DEFAULT_REGION: 'ap-south-1' } },
      'us-west-2 (from AWS_REGION)',
    ],
    [
      'AWS_DEFAULT_REGION',
      [],
      { env: { AWS_REGION: '', AWS_DEFAULT_REGION: 'ap-south-1' }, ...ofProfile },
      'ap-south-1 (from AWS_DEFAULT_REGION)',
    ],
    ["the profile's", [], ofProfile, 'eu-west-1 (from the AWS profile)'],
    ['the default', [], {}, 'me-central-1 (the default)'],
  ])('is %s, and that is said', async (_, args, world, expected) => {
    const { said, aws } = await runRecorded([...small, ...args], {}, world);
    expect(said[0]).toBe(`region ${expected}, last 7 days, Linux/UNIX, prices in USD`);
    expect(aws.asked[0]?.region).toBe(expected.split(' ')[0]);
  });

  test('from the environment is checked as well', async () => {
    const { code, said } = await runRecorded(small, {}, { env: { AWS_REGION: 'me-central-1a' } });
    expect([code, said]).toEqual([
      2,
      [
        "error: region must be a region, got the availability zone 'me-central-1a': did you mean me-central-1? (from AWS_REGION)",
      ],
    ]);
  });
});

describe('a failed call', () => {
  const everything = (error: Error) => ({
    'ec2:DescribeAvailabilityZones': error,
    'ec2:DescribeInstanceTypes': error,
    'ec2:DescribeInstanceTypeOfferings': error,
  });
  const refused = awsError('AuthFailure', 'AWS was not able to validate the provided access credentials', 401);
  const noHost = (region: string) =>
    Object.assign(new Error(`getaddrinfo ENOTFOUND ec2.${region}.amazonaws.com`), { code: 'ENOTFOUND' });

  test.each<[string, string, Record<string, Error>, string]>([
    [
      'an opt-in region that is off',
      'il-central-1',
      everything(refused),
      "the opt-in region il-central-1 is off in this account: turn it on with 'aws account enable-region --region-name il-central-1' and wait some minutes",
    ],
    [
      'credentials that are wrong everywhere',
      'me-central-1',
      { ...everything(refused), 'ec2:DescribeRegions': refused },
      'AWS refused the credentials in me-central-1: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or the profile; AWS says: AWS was not able to validate the provided access credentials',
    ],
    [
      'a session token that opt-in regions do not take',
      'me-central-1',
      everything(refused),
      'AWS refused the credentials in me-central-1 but takes them in us-east-1: a session token from the global STS endpoint is not valid in opt-in regions, get one with AWS_STS_REGIONAL_ENDPOINTS=regional',
    ],
    [
      'an unknown region with a near name',
      'me-centrl-1',
      everything(noHost('me-centrl-1')),
      "unknown region 'me-centrl-1': did you mean me-central-1?",
    ],
    [
      'an unknown region with no near name',
      'mars-olympus-1',
      everything(noHost('mars-olympus-1')),
      "unknown region 'mars-olympus-1': AWS has ap-south-1, eu-central-1, eu-west-1, il-central-1, me-central-1, me-south-1, us-east-1, us-west-2",
    ],
    [
      'no network',
      'me-central-1',
      { ...everything(noHost('me-central-1')), 'ec2:DescribeRegions': noHost('us-east-1') },
      'cannot reach AWS in me-central-1: getaddrinfo ENOTFOUND ec2.me-central-1.amazonaws.com; check the network, a proxy or firewall, and AWS_ENDPOINT_URL',
    ],
    [
      'silence',
      'me-central-1',
      everything(
        Object.assign(new Error('[ERROR] a request has exceeded the configured 10000 ms'), { name: 'TimeoutError' }),
      ),
      'cannot reach AWS in me-central-1: no answer in time; check the network, a proxy or firewall, and AWS_ENDPOINT_URL',
    ],
  ])('%s is told in one line', async (_, region, failing, line) => {
    const { code, out, said } = await runRecorded([...small, '--region', region], failing);
    expect([code, out]).toEqual([1, '']);
    expect(said.slice(1)).toEqual([`error: ${line}`]);
  });

  test('names every action that is denied', async () => {
    const denied = awsError('UnauthorizedOperation', 'You are not authorized to perform this operation.', 403);
    const { code, said } = await runRecorded(small, everything(denied));
    expect(code).toBe(1);
    expect(said.slice(1)).toEqual(
      ['ec2:DescribeAvailabilityZones', 'ec2:DescribeInstanceTypes', 'ec2:DescribeInstanceTypeOfferings'].map(
        (action) => `error: not allowed: ${action} in me-central-1; allow this action to the user or role`,
      ),
    );
  });

  test('a fault of the program itself is not dressed up as one of AWS', async () => {
    await expect(
      runRecorded(
        small,
        {},
        {
          now: () => {
            throw new TypeError('broken');
          },
        },
      ),
    ).rejects.toThrow(TypeError);
  });
});

describe('the chart', () => {
  test('is written beside the data and said on stderr', async () => {
    const chart = join(directory, 'prices.svg');
    const { code, out, said } = await runRecorded([...small, '--chart', chart, '--format', 'csv']);
    expect([code, said.at(-1)]).toEqual([0, `chart written to ${chart}`]);
    expect(out).not.toContain('<svg');
    expect(readFileSync(chart, 'utf8')).toMatch(/^<svg /);
  });

  test('at the place of a directory is refused before AWS is asked', async () => {
    const chart = join(directory, 'folder.svg');
    mkdirSync(chart);
    const { code, said, aws } = await runRecorded([...small, '--chart', chart]);
    expect([code, said, aws.asked]).toEqual([2, [`error: chart must be a file, got the directory '${chart}'`], []]);
  });
});
