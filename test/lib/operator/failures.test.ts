import { REGION, useDeployment } from './support/deployment-on-loopback';
import type { Answer } from './support/local-servers';

jest.setTimeout(60_000);

const deployment = useDeployment();

const xmlError = (code: string, message: string, status = 400): Answer => ({
  status,
  body: `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
});
const regions = (status: string): Answer => ({
  status: 200,
  body: `<DescribeRegionsResponse><regionInfo><item><regionName>${REGION}</regionName><optInStatus>${status}</optInStatus></item></regionInfo></DescribeRegionsResponse>`,
});

/** How a failed call is told, whichever command made it. */
const FAILURES: [string, Record<string, Answer>, Record<string, string>, RegExp][] = [
  [
    'no credentials',
    {},
    { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' },
    /^error: no AWS credentials found: set AWS_PROFILE .*'aws sso login'/,
  ],
  [
    'expired credentials',
    { '*': xmlError('ExpiredToken', 'The security token included in the request is expired', 403) },
    {},
    /^error: the AWS credentials have expired .* AWS says: The security token included in the request is expired$/,
  ],
  [
    'an opt-in region that is off',
    {
      '*': xmlError('InvalidClientTokenId', 'The security token included in the request is invalid', 403),
      DescribeRegions: regions('not-opted-in'),
    },
    {},
    /^error: the opt-in region me-central-1 is off in this account: turn it on with 'aws account enable-region/,
  ],
  [
    'credentials that are wrong',
    { '*': xmlError('InvalidClientTokenId', 'The security token included in the request is invalid', 403) },
    {},
    /^error: AWS refused the credentials in me-central-1: check AWS_ACCESS_KEY_ID/,
  ],
  [
    'a denied call, with who was denied and why',
    {
      '*': xmlError(
        'AccessDenied',
        'User: arn:aws:iam::123456789012:user/ada is not authorized to perform: it because no identity-based policy allows the action',
        403,
      ),
    },
    {},
    /^error: not allowed: (autoscaling:DescribeAutoScalingGroups|sts:GetCallerIdentity) in me-central-1 as arn:aws:iam::123456789012:user\/ada \(no identity-based policy allows the action\); allow/,
  ],
  [
    'throttling, after the retries',
    { '*': xmlError('Throttling', 'Rate exceeded') },
    {},
    /^error: AWS throttled (autoscaling:DescribeAutoScalingGroups|sts:GetCallerIdentity) in me-central-1 after 4 attempts: try again in a minute$/,
  ],
  [
    'an endpoint that nobody serves',
    {},
    { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' },
    /^error: cannot reach AWS in me-central-1: connect ECONNREFUSED 127.0.0.1:1; check the network/,
  ],
];

// One of each way to begin: the group is asked first, or the account.
const COMMANDS = [['backup'], ['what-stays']];

describe.each(COMMANDS)('%s', (...args) => {
  test.each(FAILURES)('tells of %s in one line', async (_, answers, env, expected) => {
    const { '*': every, ...some } = answers;
    deployment.otherwise = every;
    deployment.answers = some;
    const { status, out, said } = await deployment.run(args, env);
    expect([status, out, said]).toEqual([1, '', [expect.stringMatching(expected)]]);
  });
});

describe('the command line', () => {
  test.each([
    [['frobnicate'], "error: unknown command 'frobnicate'"],
    [['backup', '--forse'], "error: unknown option '--forse'"],
    [['replace', 'now'], "error: too many arguments for 'replace'. Expected 0 arguments but got 1."],
    [['status', '--stack'], "error: option '--stack <name>' argument missing"],
  ])('%j is refused', async (args, line) => {
    const { status, out, said } = await deployment.run(args);
    expect([status, out, said[0]]).toEqual([2, '', line]);
    expect(deployment.asked).toEqual([]);
  });

  test('alone shows the help', async () => {
    const { status, said } = await deployment.run([]);
    expect([status, said[0]]).toEqual([2, 'Usage: openclaw-spot [options] [command]']);
  });
});
