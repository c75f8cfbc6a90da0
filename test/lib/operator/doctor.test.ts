import {
  BUCKET,
  group,
  json,
  NO_GROUP,
  NO_STACK,
  REGION,
  stackToldOf,
  useDeployment,
} from './support/deployment-on-loopback';
import type { Answer } from './support/local-servers';

// The first test of each kind loads the CDK.
jest.setTimeout(60_000);

const deployment = useDeployment();

const ok = (body: string): Answer => ({ status: 200, body });
const regions = (status: string) =>
  ok(
    `<DescribeRegionsResponse><regionInfo><item><regionName>${REGION}</regionName><optInStatus>${status}</optInStatus></item></regionInfo></DescribeRegionsResponse>`,
  );
const offered = (...letters: string[]) =>
  ok(
    `<DescribeInstanceTypeOfferingsResponse><instanceTypeOfferingSet>${letters
      .map((letter) => `<item><instanceType>t4g.small</instanceType><location>${REGION}${letter}</location></item>`)
      .join('')}</instanceTypeOfferingSet></DescribeInstanceTypeOfferingsResponse>`,
  );
const vcpu = (count: number) =>
  ok(
    `<DescribeInstanceTypesResponse><instanceTypeSet><item><instanceType>t4g.small</instanceType><vCpuInfo><defaultVCpus>${count}</defaultVCpus></vCpuInfo></item></instanceTypeSet></DescribeInstanceTypesResponse>`,
  );
const quota = (Value: number) => json({ Quota: { Value } });
const bootstrap = (Value: string) => json({ Parameter: { Value } });

/** An account where nothing is in the way of a first deploy. */
const READY: Record<string, Answer> = {
  DescribeRegions: regions('opted-in'),
  DescribeInstanceTypeOfferings: offered('a', 'b'),
  DescribeInstanceTypes: vcpu(2),
  GetServiceQuota: quota(32),
  GetParameter: bootstrap('30'),
  DescribeAutoScalingGroups: NO_GROUP,
  DescribeStacks: NO_STACK,
  [`HEAD /${BUCKET}/`]: { status: 404, body: '' },
};
const AZ = ['--az', `${REGION}a`];

/** What was found: check, result, finding, and what to type. */
async function doctor(args: string[], answers: Record<string, Answer> = {}, env: Record<string, string> = {}) {
  deployment.answers = { ...READY, ...answers };
  const { status, out, said } = await deployment.run(['doctor', ...args, '--json'], env);
  expect(said).toEqual([]);
  const rows = JSON.parse(out) as { check: string; result: string; finding: string; help?: string }[];
  return {
    status,
    rows: rows.map(({ check, result, finding, help }) => [check, result, finding, ...(help ? [help] : [])]),
  };
}

describe('doctor', () => {
  test('finds all there that a first deploy needs', async () => {
    const { status, rows } = await doctor(AZ);
    expect([status, rows]).toEqual([
      0,
      [
        ['settings', 'ok', `dev in ${REGION}a: t4g.small, spot, ghcr.io/openclaw/openclaw:2026.9.6`],
        ['credentials', 'ok', 'account 123456789012 as arn:aws:iam::123456789012:user/ada'],
        ['region', 'ok', `${REGION} is on in this account`],
        ['zone and type', 'ok', `${REGION}a offers t4g.small`],
        ['quota', 'ok', 't4g.small needs 2 vCPU, the account may run 32 of its kind (spot)'],
        ['bootstrap', 'ok', 'version 30'],
        ['state bucket', 'ok', `${BUCKET} is free`],
        ['last deploy', 'ok', 'nothing is deployed whose settings could be taken back'],
        ['plugin', 'ok', 'session-manager-plugin 1.2.707.0'],
      ],
    ]);
  });

  test('is a table for people', async () => {
    deployment.answers = { ...READY, GetServiceQuota: quota(1) };
    const { status, out } = await deployment.run(['doctor', ...AZ]);
    expect(status).toBe(1);
    expect(out).toMatch(/^CHECK {10}RESULT {2}FINDING\n/);
    expect(out).toMatch(
      /\nquota {10}fault {3}t4g.small needs 2 vCPU.*\n {23,}aws service-quotas request-service-quota/,
    );
  });

  test.each<[string, Record<string, Answer>, number, string[]]>([
    [
      'an opt-in region that is off',
      { DescribeRegions: regions('not-opted-in') },
      1,
      [
        'region',
        'fault',
        `${REGION} is off in this account`,
        `aws account enable-region --region-name ${REGION}, then wait some minutes`,
      ],
    ],
    [
      'a zone without the type',
      { DescribeInstanceTypeOfferings: offered('b', 'c') },
      1,
      ['zone and type', 'fault', `${REGION}a does not offer t4g.small`, `-c az= one of ${REGION}b, ${REGION}c`],
    ],
    [
      'a region without the type',
      { DescribeInstanceTypeOfferings: offered() },
      1,
      [
        'zone and type',
        'fault',
        `no zone of ${REGION} offers t4g.small`,
        `npx openclaw-spot prices --region ${REGION}`,
      ],
    ],
    [
      'a quota for one machine alone',
      { GetServiceQuota: quota(3) },
      0,
      [
        'quota',
        'warning',
        't4g.small needs 2 vCPU, the account may run 3 of its kind (spot): none is left for a second machine',
        `aws service-quotas request-service-quota-increase --region ${REGION} --service-code ec2 --quota-code L-34B43A08 --desired-value 4`,
      ],
    ],
    [
      'a last deploy that was told more',
      { DescribeStacks: stackToldOf({ az: `${REGION}a`, market: 'on-demand' }) },
      0,
      [
        'last deploy',
        'warning',
        'was told what this one is not: market=on-demand',
        'a line each in deployments/dev.json',
      ],
    ],
    [
      'an old bootstrap',
      { GetParameter: bootstrap('5') },
      1,
      ['bootstrap', 'fault', `version 5 in ${REGION}, 6 or newer is needed`, `npx cdk bootstrap -c az=${REGION}a`],
    ],
    [
      'no bootstrap',
      { GetParameter: json({ __type: 'ParameterNotFound', message: '' }, 400) },
      1,
      ['bootstrap', 'fault', `the CDK is not set up in ${REGION}`, `npx cdk bootstrap -c az=${REGION}a`],
    ],
    [
      'a bucket that a destroy left',
      { [`HEAD /${BUCKET}/`]: ok('') },
      0,
      [
        'state bucket',
        'warning',
        `${BUCKET} is left from before; a deploy by make adopts it with the state in it`,
        `make deploy AZ=${REGION}a STACK=dev`,
      ],
    ],
    [
      'a bucket of another account',
      { [`HEAD /${BUCKET}/`]: { status: 403, body: '' } },
      1,
      [
        'state bucket',
        'fault',
        `${BUCKET} is there and may not be used`,
        'it is another account’s, or s3:ListBucket is not allowed: choose another -c stack=…',
      ],
    ],
    [
      'a call that is denied',
      { GetServiceQuota: json({ __type: 'AccessDeniedException', message: 'no' }, 400) },
      1,
      [
        'quota',
        'fault',
        `not allowed: servicequotas:GetServiceQuota in ${REGION}; allow this action to the user or role`,
      ],
    ],
  ])('finds %s', async (_, answers, code, row) => {
    const { status, rows } = await doctor(AZ, answers);
    expect([status, rows]).toEqual([code, expect.arrayContaining([row])]);
  });

  test('finds the deployment that is there', async () => {
    deployment.answers = { ...READY, DescribeAutoScalingGroups: group(), [`HEAD /${BUCKET}/`]: ok('') };
    const { out } = await deployment.run(['doctor', ...AZ]);
    expect(out).toContain(`${BUCKET} belongs to openclaw-dev, which is deployed`);
  });

  test('asks for what the settings say', async () => {
    const args = [
      ...AZ,
      '-c',
      'instanceType=g5.xlarge',
      '-c',
      'market=on-demand',
      '-c',
      'backup=off',
      '-c',
      'stack=lab',
    ];
    const { rows } = await doctor(args);
    expect(rows.find(([check]) => check === 'state bucket')).toEqual([
      'state bucket',
      'ok',
      'none, as backup=off says',
    ]);
    expect(rows[0]?.[2]).toContain(`lab in ${REGION}a: g5.xlarge, on-demand`);
    expect(deployment.asked.find(({ action }) => action === 'GetServiceQuota')?.body).toContain('L-DB2E81BA');
  });

  test('shows every setting that is not allowed, and asks AWS nothing', async () => {
    const { status, rows } = await doctor(['-c', `az=${REGION}`, '-c', 'image=ghcr.io/Open Claw', '-c', 'bakcup=off']);
    expect([status, rows.map(([check, result]) => [check, result])]).toEqual([1, Array(3).fill(['settings', 'fault'])]);
    expect(JSON.stringify(rows)).toContain(
      'image must be a container image reference like ghcr.io/openclaw/openclaw:2026.9.6',
    );
    expect(deployment.asked).toEqual([]);
  });

  test('without credentials has one fault, not one for each call', async () => {
    const { status, rows } = await doctor(AZ, {}, { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' });
    expect([status, rows.map(([check, result]) => [check, result])]).toEqual([
      1,
      [
        ['settings', 'ok'],
        ['credentials', 'fault'],
        ['plugin', 'ok'],
      ],
    ]);
  });

  test('without the plugin warns', async () => {
    const { status, rows } = await doctor(AZ, {}, { PATH: '/nonexistent' });
    expect([status, rows.at(-1)?.slice(0, 3)]).toEqual([
      0,
      ['plugin', 'warning', 'a deploy needs none, but commands on the machine do'],
    ]);
  });

  test.each([
    [
      ['--az', `${REGION}a`, '--region', 'eu-west-1'],
      `region must be that of the zone, ${REGION}, got 'eu-west-1': leave it out`,
    ],
    [['-c', 'az'], "a setting must be like key=value, got 'az'"],
  ])('refuses %j', async (args, fault) => {
    const { status, said } = await deployment.run(['doctor', ...args]);
    expect([status, said]).toEqual([2, [`error: ${fault}`]]);
  });
});
