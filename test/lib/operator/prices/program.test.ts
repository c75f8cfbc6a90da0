import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endpoint, environment, type Answers } from '../support/local-servers';
import { tool } from '../support/tool';

jest.setTimeout(120_000);

const directory = mkdtempSync(join(tmpdir(), 'spot-prices-'));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

describe('against the local AWS', () => {
  test('shows constant prices, gaps in words, and draws them', async () => {
    const chart = join(directory, 'prices.svg');
    const args = [
      '--instance-types',
      'm7g.medium t4g.small',
      '--region',
      'me-central-1',
      '--format',
      'csv',
      '--chart',
      chart,
    ];
    const { status, out, said } = await tool(environment(await worker.localAws()), ['prices', ...args]);
    const rows = out
      .trimEnd()
      .split('\n')
      .map((line) => line.split(','));
    expect(rows.slice(1).map((cells) => [...cells.slice(1, 8), cells[13]])).toEqual([
      ...['a', 'b', 'c'].map((zone) => [
        `me-central-1${zone}`,
        'm7g.medium',
        'arm64',
        '1',
        '4',
        'offered',
        '0.00001',
        '0',
      ]),
      ...['a', 'b', 'c'].map((zone) => [`me-central-1${zone}`, 't4g.small', 'arm64', '2', '2', 'not offered', '', '']),
    ]);
    expect(said).toEqual([
      'region me-central-1 (as asked), last 7 days, Linux/UNIX, prices in USD',
      'not offered in any zone of me-central-1: t4g.small',
      'on-demand prices unknown: what answered pricing:GetProducts in us-east-1 is not AWS (HTTP 500): check AWS_ENDPOINT_URL and proxies',
      `chart written to ${chart}`,
    ]);
    expect(status).toBe(0);
    expect(readFileSync(chart, 'utf8').match(/<path /g)).toHaveLength(3);
  });

  test.each([
    [
      ['--instance-types', 't4g.smal', '--region', 'us-east-1'],
      "unknown instance type 't4g.smal' (not in us-east-1): did you mean t4g.small?",
    ],
    [['--region', 'me-central-9'], "unknown region 'me-central-9': did you mean me-central-1?"],
  ])('refuses %j', async (args, line) => {
    const { status, out, said } = await tool(environment(await worker.localAws()), ['prices', ...args]);
    expect([status, out, said.slice(1)]).toEqual([1, '', [`error: ${line}`]]);
  });
});

describe('an error of AWS, as it comes over the wire', () => {
  const ec2Error = (code: string, message: string) =>
    `<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors><RequestID>59dbff89-35bd-4eac-99ed-be587EXAMPLE</RequestID></Response>`;
  const regions =
    '<DescribeRegionsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><regionInfo><item><regionName>me-central-1</regionName><regionEndpoint>ec2.me-central-1.amazonaws.com</regionEndpoint><optInStatus>not-opted-in</optInStatus></item></regionInfo></DescribeRegionsResponse>';
  let server: Server | undefined;
  afterEach(() => {
    server?.close();
    server?.closeAllConnections();
  });

  test.each<[string, Answers, RegExp]>([
    [
      'expired credentials',
      () => ({ status: 400, body: ec2Error('RequestExpired', 'Request has expired.') }),
      /^error: the AWS credentials have expired .* AWS says: Request has expired\.$/,
    ],
    [
      'an opt-in region that is off',
      ({ action }) =>
        action === 'DescribeRegions'
          ? { status: 200, body: regions }
          : {
              status: 401,
              body: ec2Error('AuthFailure', 'AWS was not able to validate the provided access credentials'),
            },
      /^error: the opt-in region me-central-1 is off in this account: turn it on with 'aws account enable-region --region-name me-central-1'/,
    ],
    [
      'throttling, after the retries',
      () => ({ status: 503, body: ec2Error('RequestLimitExceeded', 'Request limit exceeded.') }),
      /^error: AWS throttled ec2:Describe\w+ in me-central-1 after 4 attempts: try again in a minute$/,
    ],
    [
      'a denied call, with who was denied and why',
      () => ({
        status: 403,
        body: ec2Error(
          'UnauthorizedOperation',
          'You are not authorized to perform this operation. User: arn:aws:sts::123456789012:assumed-role/reader/ada is not authorized to perform: ec2:DescribeInstanceTypes with an explicit deny in a service control policy',
        ),
      }),
      /^error: not allowed: ec2:Describe\w+ in me-central-1 as arn:aws:sts::123456789012:assumed-role\/reader\/ada \(explicit deny in a service control policy\);/,
    ],
    [
      'a page of something else, such as a hotel network',
      () => ({ status: 200, body: '<html><body>Sign in to the hotel network</body></html>' }),
      /^error: the reply lists no availability zones for me-central-1, so it did not come from AWS: check AWS_ENDPOINT_URL/,
    ],
  ])('%s', async (_, answers, expected) => {
    const started = await endpoint(answers);
    server = started.server;
    const { status, out, said } = await tool(environment(started.url), ['prices', '--region', 'me-central-1']);
    const [, ...lines] = said;
    expect([status, out]).toEqual([1, '']);
    expect(lines).not.toHaveLength(0);
    for (const line of lines) expect(line).toMatch(expected);
  });
});

describe('without AWS', () => {
  test.each<[string, NodeJS.ProcessEnv, string[], number, string]>([
    [
      'no credentials',
      environment('http://127.0.0.1:1', { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' }),
      [],
      1,
      "error: no AWS credentials found: set AWS_PROFILE (or correct it), or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run 'aws configure' or 'aws sso login'; the SDK says: Could not load credentials from any providers",
    ],
    [
      'an endpoint that nobody serves',
      environment('http://127.0.0.1:1'),
      [],
      1,
      'error: cannot reach AWS in me-central-1: connect ECONNREFUSED 127.0.0.1:1; check the network, a proxy or firewall, and AWS_ENDPOINT_URL',
    ],
    [
      'a format that is none',
      environment('http://127.0.0.1:1'),
      ['--format', 'xml'],
      2,
      "error: format must be one of table, json, csv, got 'xml'",
    ],
  ])('%s is told in one line', async (_, env, args, expected, line) => {
    const { status, out, said } = await tool(env, ['prices', ...args]);
    expect([status, out]).toEqual([expected, '']);
    expect(said.filter((each) => !each.startsWith('region '))).toEqual([line]);
  });

  test('--help says what it needs', async () => {
    const { status, out, said } = await tool(environment('http://127.0.0.1:1'), ['prices', '--help']);
    expect([status, said]).toEqual([0, []]);
    expect(out).toContain('ec2:DescribeSpotPriceHistory');
  });
});
