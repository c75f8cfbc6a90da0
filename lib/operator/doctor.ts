import { AwsCallError, HOME_REGION } from './aws/calls';
import { Clients } from './aws/clients';
import { explain } from './aws/explain';
import { deployedSettings, takenBack } from './deployed-settings';
import { findBucket } from './state/bucket';
import type { Deployment } from './deployment';
import { Failure } from './errors';
import { findGroup } from './machine';
import { pluginVersion } from './session/session';
import type { World } from './world';

export interface Row {
  readonly check: string;
  readonly result: 'ok' | 'warning' | 'fault';
  readonly finding: string;
  /** What to type or do. */
  readonly help?: string;
}

export interface Plan {
  readonly deployment: Deployment;
  readonly instanceType: string;
  readonly market: 'spot' | 'on-demand';
  /** Whether there is to be a state bucket. */
  readonly backsUp: boolean;
  /** What a deploy would be told. */
  readonly given: Readonly<Record<string, string>>;
}

/** What the CDK's own default synthesizer asks for. */
const BOOTSTRAP_VERSION = 6;
const BOOTSTRAP_PARAMETER = '/cdk-bootstrap/hnb659fds/version';

/**
 * Quotas of running vCPUs, by market and the first letters of the type.
 * @see https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html
 */
const QUOTAS: Record<Plan['market'], [RegExp, string][]> = {
  spot: [
    [/^(?:a|c|d|h|i|m|r|t|z|im|is)\d/, 'L-34B43A08'],
    [/^(?:g|gr|vt)\d/, 'L-3819A6DF'],
    [/^x\d/, 'L-E3A00192'],
    [/^f\d/, 'L-88CF9481'],
    [/^inf\d/, 'L-B5D1601B'],
  ],
  'on-demand': [
    [/^(?:a|c|d|h|i|m|r|t|z|im|is)\d/, 'L-1216C47A'],
    [/^(?:g|gr|vt)\d/, 'L-DB2E81BA'],
    [/^x\d/, 'L-7295265B'],
    [/^f\d/, 'L-74FC7D96'],
    [/^inf\d/, 'L-1945791B'],
  ],
};

type Finding = Omit<Row, 'check'>;
const ok = (finding: string): Finding => ({ result: 'ok', finding });
const warning = (finding: string, help?: string): Finding => ({ result: 'warning', finding, ...(help && { help }) });
const fault = (finding: string, help?: string): Finding => ({ result: 'fault', finding, ...(help && { help }) });

/** Looks at everything that a deploy needs; whatever cannot be looked at is a row too. */
export async function examine(plan: Plan, world: World): Promise<Row[]> {
  const { deployment } = plan;
  const first = await row('credentials', async () => {
    const { Account, Arn } = await deployment.aws.sts('GetCallerIdentity', (sts) => sts.getCallerIdentity({}));
    return ok(`account ${Account ?? ''} as ${Arn ?? ''}`);
  });
  const here = row('plugin', () => plugin(world));
  // Without credentials the others would all say the same.
  if (first.result === 'fault') return [first, await here];
  const others = await Promise.all([
    row('region', () => region(deployment)),
    row('zone and type', () => zoneAndType(plan)),
    row('quota', () => quota(plan)),
    row('bootstrap', () => bootstrap(deployment)),
    row('state bucket', () => stateBucket(plan)),
    row('last deploy', () => lastDeploy(plan)),
    here,
  ]);
  return [first, ...others];
}

async function row(check: string, look: () => Promise<Finding>): Promise<Row> {
  try {
    return { check, ...(await look()) };
  } catch (error) {
    if (!(error instanceof AwsCallError)) throw error;
    return { check, ...fault(explain(error)) };
  }
}

async function region({ region: name }: Deployment): Promise<Finding> {
  const { ec2 } = new Clients(HOME_REGION);
  const { Regions: regions = [] } = await ec2('DescribeRegions', (client) =>
    client.describeRegions({ AllRegions: true }),
  );
  const found = regions.find(({ RegionName }) => RegionName === name);
  if (!found) return fault(`AWS has no region ${name}`, 'choose another zone with -c az=…');
  if (found.OptInStatus !== 'not-opted-in') return ok(`${name} is on in this account`);
  return fault(
    `${name} is off in this account`,
    `aws account enable-region --region-name ${name}, then wait some minutes`,
  );
}

async function zoneAndType({ deployment, instanceType }: Plan): Promise<Finding> {
  const { InstanceTypeOfferings: offered = [] } = await deployment.aws.ec2('DescribeInstanceTypeOfferings', (ec2) =>
    ec2.describeInstanceTypeOfferings({
      LocationType: 'availability-zone',
      Filters: [{ Name: 'instance-type', Values: [instanceType] }],
    }),
  );
  const zones = offered.map(({ Location = '' }) => Location).sort();
  const { az = '', region: name } = deployment;
  if (zones.includes(az)) return ok(`${az} offers ${instanceType}`);
  return zones.length === 0
    ? fault(`no zone of ${name} offers ${instanceType}`, `npx openclaw-spot prices --region ${name}`)
    : fault(`${az} does not offer ${instanceType}`, `-c az= one of ${zones.join(', ')}`);
}

async function quota({ deployment, instanceType, market }: Plan): Promise<Finding> {
  const [, code] = QUOTAS[market].find(([types]) => types.test(instanceType)) ?? [];
  if (code === undefined)
    return warning(`the quota for ${instanceType} is not known here`, 'look it up in Service Quotas');
  const { aws, region: name } = deployment;
  const [{ Quota }, { InstanceTypes: types }] = await Promise.all([
    aws.quotas('GetServiceQuota', (quotas) => quotas.getServiceQuota({ ServiceCode: 'ec2', QuotaCode: code })),
    aws.ec2('DescribeInstanceTypes', (ec2) =>
      ec2.describeInstanceTypes({ Filters: [{ Name: 'instance-type', Values: [instanceType] }] }),
    ),
  ]);
  const needed = types?.[0]?.VCpuInfo?.DefaultVCpus;
  const allowed = Quota?.Value;
  if (needed === undefined || allowed === undefined)
    return warning(`AWS does not say what ${instanceType} needs or may have`);
  const finding = `${instanceType} needs ${needed} vCPU, the account may run ${allowed} of its kind (${market})`;
  const more = `aws service-quotas request-service-quota-increase --region ${name} --service-code ec2 --quota-code ${code} --desired-value ${2 * needed}`;
  if (allowed < needed) return fault(finding, more);
  return allowed < 2 * needed ? warning(`${finding}: none is left for a second machine`, more) : ok(finding);
}

async function bootstrap({ aws, region: name, az = `${name}a` }: Deployment): Promise<Finding> {
  const help = `npx cdk bootstrap -c az=${az}`;
  try {
    const { Parameter } = await aws.ssm('GetParameter', (ssm) => ssm.getParameter({ Name: BOOTSTRAP_PARAMETER }));
    const version = Number(Parameter?.Value);
    return version >= BOOTSTRAP_VERSION
      ? ok(`version ${version}`)
      : fault(`version ${Parameter?.Value ?? ''} in ${name}, ${BOOTSTRAP_VERSION} or newer is needed`, help);
  } catch (error) {
    if (!(error instanceof AwsCallError) || error.code !== 'ParameterNotFound') throw error;
    return fault(`the CDK is not set up in ${name}`, help);
  }
}

async function stateBucket({ deployment, backsUp }: Plan): Promise<Finding> {
  if (!backsUp) return ok('none, as backup=off says');
  const name = await deployment.bucket();
  try {
    if (!(await findBucket(deployment))) return ok(`${name} is free`);
  } catch (error) {
    if (!(error instanceof AwsCallError) || error.status !== 403) throw error;
    return fault(
      `${name} is there and may not be used`,
      'it is another account’s, or s3:ListBucket is not allowed: choose another -c stack=…',
    );
  }
  if (await findGroup(deployment)) return ok(`${name} belongs to ${deployment.group}, which is deployed`);
  const az = deployment.az ?? '';
  return warning(
    `${name} is left from before; a deploy by make adopts it with the state in it`,
    `make deploy AZ=${az} STACK=${deployment.stack}`,
  );
}

async function lastDeploy({ deployment, given }: Plan): Promise<Finding> {
  const deployed = await deployedSettings(deployment);
  if (deployed === undefined) return ok('nothing is deployed whose settings could be taken back');
  const back = takenBack(deployed, given);
  return back.length === 0
    ? ok('was told nothing that this one is not')
    : warning(
        `was told what this one is not: ${back.join(' ')}`,
        `a line each in deployments/${deployment.stack}.json`,
      );
}

async function plugin(world: World): Promise<Finding> {
  try {
    return ok(`session-manager-plugin ${await pluginVersion(world)}`);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return warning('a deploy needs none, but commands on the machine do', error.lines.join('; '));
  }
}
