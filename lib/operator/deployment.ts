import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Clients } from './aws/clients';
import { UsageError } from './errors';
import { fileOf } from './settings-file';
import type { World } from './world';

const ZONE = /^([a-z]{2,}(?:-[a-z]+)+-\d+)[a-z]$/;
const REGION = /^[a-z]{2,}(?:-[a-z]+)+-\d+$/;
const STACK = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

/** Which deployment the command line names. */
export interface Named {
  readonly stack?: string | undefined;
  readonly region?: string | undefined;
  readonly az?: string | undefined;
}

/** One deployment's names, and the services of its region. The names are those that the stack gives (`lib/openclaw-stack.ts`). */
export class Deployment {
  readonly aws: Clients;
  private accountId: Promise<string> | undefined;

  /** @param az - availability zone, where it is known */
  constructor(
    readonly stack: string,
    readonly region: string,
    readonly az?: string,
  ) {
    this.aws = new Clients(region);
  }

  /** Name of the Auto Scaling group, and of the CloudFormation stack. */
  get group(): string {
    return `openclaw-${this.stack}`;
  }

  /** Path of the parameters, and prefix of the log groups. */
  get path(): string {
    return `/openclaw/${this.stack}`;
  }

  get metricNamespace(): string {
    return `OpenClaw/${this.stack}`;
  }

  account(): Promise<string> {
    this.accountId ??= this.aws
      .sts('GetCallerIdentity', (sts) => sts.getCallerIdentity({}))
      .then(({ Account = '' }) => Account);
    return this.accountId;
  }

  /** Name of the state bucket, which may be there or not. */
  async bucket(): Promise<string> {
    return `openclaw-backup-${this.stack}-${await this.account()}-${this.region}`;
  }

  /** The options that name this deployment on a command line that is shown to a person. */
  get options(): string {
    return `${this.stack === 'dev' ? '' : `--stack ${this.stack} `}--region ${this.region}`;
  }
}

/** An option, or make's variable of the same meaning; what is empty counts as left out. */
const either = (...values: (string | undefined)[]): string | undefined =>
  values.map((value) => value?.trim()).find((value) => value !== undefined && value !== '');

/** The context of cdk.json, where deploys read their settings. */
export function cdkContext(root: string): Record<string, unknown> {
  const path = join(root, 'cdk.json');
  try {
    return (JSON.parse(readFileSync(path, 'utf8')) as { context?: Record<string, unknown> }).context ?? {};
  } catch (error) {
    throw new UsageError([`cdk.json must be JSON with a context, got ${path}: ${(error as Error).message}`]);
  }
}

function zoneInFile(world: World, stack: string): string | undefined {
  const az = fileOf(world, stack)?.settings.az;
  return typeof az === 'string' ? az : undefined;
}

/**
 * The deployment that the options name, else STACK and REGION (or AZ) in the environment, else cdk.json's context, else
 * `deployments/<stack>.json`, as for a deploy; the region is at last that of the shell or of the AWS profile.
 * @throws UsageError with every fault
 */
export async function findDeployment(named: Named, world: World): Promise<Deployment> {
  const { env } = world;
  const context = cdkContext(world.root);
  const text = (key: string) => (typeof context[key] === 'string' ? context[key] : undefined);
  const faults: string[] = [];

  const stack = either(named.stack, env.STACK, text('stack')) ?? 'dev';
  if (!STACK.test(stack)) {
    faults.push(
      `stack must be lower case letters, digits and hyphens, with a letter or digit at both ends, got '${stack}'`,
    );
  }
  const given = either(named.region);
  const zone = either(named.az) ?? (given === undefined ? either(env.AZ) : undefined);
  const az = zone ?? text('az') ?? zoneInFile(world, stack);
  const ofZone = (name: string | undefined) => ZONE.exec(name ?? '')?.[1];
  if (zone !== undefined && ofZone(zone) === undefined) {
    faults.push(`az must be an availability zone like me-central-1a, got '${zone}'`);
  }
  if (given !== undefined && either(named.az) !== undefined && ofZone(zone) !== given) {
    faults.push(`region and az must fit together, got '${given}' and '${zone ?? ''}': leave one of them out`);
  }
  const region =
    either(given, ofZone(either(named.az)), env.REGION, ofZone(az), env.AWS_REGION, env.AWS_DEFAULT_REGION) ??
    (await world.profileRegion());
  if (region === undefined) {
    faults.push(
      "REGION must be the deployment's region, like me-central-1, got nothing: give --region or --az, or set az in deployments/<stack>.json",
    );
  } else if (!REGION.test(region)) {
    const meant = ofZone(region);
    faults.push(
      `REGION must be the deployment's region, like me-central-1, got '${region}'${meant ? `: did you mean ${meant}?` : ''}`,
    );
  }
  if (faults.length > 0 || region === undefined) throw new UsageError(faults);
  return new Deployment(stack, region, ofZone(az) === region ? az : undefined);
}
