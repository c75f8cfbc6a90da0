import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { World } from '../../../../lib/operator/world';
import { endpoint, environment, type Answer, type Answers, type Asked } from './local-servers';
import { tool, type Result } from './tool';

export const ACCOUNT = '123456789012';
export const REGION = 'me-central-1';
export const BUCKET = `openclaw-backup-dev-${ACCOUNT}-${REGION}`;
export const MACHINE = 'i-0123456789abcdef0';

export const xml = (action: string, result: string): Answer => ({
  status: 200,
  body: `<${action}Response><${action}Result>${result}</${action}Result></${action}Response>`,
});
export const json = (value: unknown, status = 200): Answer => ({ status, body: JSON.stringify(value) });

/** The group's answer, with these instances: id and state. */
export const group = (...instances: [string, string][]): Answer => groupThatWants(1, '', instances);

/** The same of a group that is to have no machine, with this in the tag that says since when. */
export const pausedGroup = (since: string, ...instances: [string, string][]): Answer =>
  groupThatWants(
    0,
    `<SuspendedProcesses><member><ProcessName>ScheduledActions</ProcessName></member></SuspendedProcesses><Tags><member><Key>openclaw:paused</Key><Value>${since.replaceAll('\u001b', '&#27;')}</Value></member></Tags>`,
    instances,
  );

const groupThatWants = (desired: number, tags: string, instances: [string, string][]): Answer =>
  xml(
    'DescribeAutoScalingGroups',
    `<AutoScalingGroups><member><AutoScalingGroupName>openclaw-dev</AutoScalingGroupName><DesiredCapacity>${desired}</DesiredCapacity>${tags}<Instances>${instances
      .map(
        ([id, state]) =>
          `<member><InstanceId>${id}</InstanceId><LifecycleState>${state}</LifecycleState><InstanceType>t4g.small</InstanceType><AvailabilityZone>${REGION}a</AvailabilityZone></member>`,
      )
      .join('')}</Instances></member></AutoScalingGroups>`,
  );
export const NO_STACK: Answer = {
  status: 400,
  body: '<ErrorResponse><Error><Code>ValidationError</Code><Message>Stack with id openclaw-dev does not exist</Message></Error></ErrorResponse>',
};
/** CloudFormation's answer about a stack whose last deploy was told this. */
export const stackToldOf = (settings: Record<string, string>): Answer =>
  xml(
    'DescribeStacks',
    `<Stacks><member><StackName>openclaw-dev</StackName><Outputs><member><OutputKey>Settings</OutputKey><OutputValue>${JSON.stringify(settings)}</OutputValue></member></Outputs></member></Stacks>`,
  );
export const NO_GROUP = xml('DescribeAutoScalingGroups', '<AutoScalingGroups/>');

/** What a deployment that runs answers; each can be another for a test. */
const USUAL: Readonly<Record<string, Answer>> = {
  GetCallerIdentity: xml(
    'GetCallerIdentity',
    `<Account>${ACCOUNT}</Account><Arn>arn:aws:iam::${ACCOUNT}:user/ada</Arn>`,
  ),
  DescribeAutoScalingGroups: group([MACHINE, 'InService']),
  StartSession: json({ SessionId: 'ada-1', TokenValue: 'token', StreamUrl: 'wss://ssmmessages.example' }),
};

/** Settings of an SDK client of the local AWS, without what {@link LoopbackDeployment} puts before it. */
export const LOCAL_AWS = {
  region: REGION,
  endpoint: async () => ({ url: new URL(await worker.localAws()) }),
  forcePathStyle: true,
  credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'secret' },
};

/** Removes all that there is in the local AWS. */
export async function emptyLocalAws(): Promise<void> {
  await fetch(`${await worker.localAws()}/moto-api/reset`, { method: 'POST' });
}

/** A deployment for the tests of a file, each of which finds it as usual. */
export function useDeployment(behind?: () => Promise<string>): LoopbackDeployment {
  const deployment = new LoopbackDeployment();
  beforeAll(async () => {
    await deployment.start(await behind?.());
  });
  afterEach(() => {
    deployment.reset();
  });
  afterAll(() => {
    deployment.stop();
  });
  return deployment;
}

/** The same in front of the local AWS, which is empty when the file begins. */
export function useDeploymentOnLocalAws(): LoopbackDeployment {
  beforeAll(emptyLocalAws);
  return useDeployment(worker.localAws);
}

/** A deployment whose AWS, plugin and machine are on this computer. */
export class LoopbackDeployment {
  readonly asked: Asked[] = [];
  readonly directory = mkdtempSync(join(tmpdir(), 'openclaw-spot-'));
  /** By action; a function answers by what is asked. */
  answers: Record<string, Answer | Answers> = {};
  /** What is answered in place of the usual. */
  otherwise: Answer | undefined;

  private at: { readonly url: string; readonly server: Server } | undefined;

  /** @param behind - address of what answers the rest, such as the local AWS */
  async start(behind?: string): Promise<void> {
    this.at = await endpoint((asked) => this.answer(asked), behind);
  }

  private answer(asked: Asked): Answer | undefined {
    this.asked.push(asked);
    const answer = this.answers[asked.action] ?? this.otherwise ?? USUAL[asked.action];
    return typeof answer === 'function' ? answer(asked) : answer;
  }

  /** Forgets what was asked, and what was answered otherwise than usual. */
  reset(): void {
    this.asked.length = 0;
    this.answers = {};
    this.otherwise = undefined;
    for (const name of ['asked', 'told']) rmSync(join(this.directory, name), { force: true });
  }

  stop(): void {
    this.at?.server.close();
    this.at?.server.closeAllConnections();
    rmSync(this.directory, { recursive: true });
  }

  get url(): string {
    return this.at?.url ?? '';
  }

  env(more: Record<string, string> = {}): NodeJS.ProcessEnv {
    return environment(this.url, {
      PATH: `${join(__dirname, 'stubs')}:${process.env.PATH ?? ''}`,
      REGION,
      ASKED: join(this.directory, 'asked'),
      PLUGIN_TOLD: join(this.directory, 'told'),
      ...more,
    });
  }

  run(args: readonly string[], env: Record<string, string> = {}, world: Partial<World> = {}): Promise<Result> {
    return tool(this.env(env), args, world);
  }

  /** The actions asked for, in order. */
  get actions(): string[] {
    return this.asked.map(({ action }) => action);
  }

  /** The words that the machine's openclaw-state was last given, or undefined. */
  get words(): string[] | undefined {
    const path = join(this.directory, 'asked');
    return existsSync(path) ? readFileSync(path, 'utf8').split('\0').slice(0, -1) : undefined;
  }

  /** What the plugin was last told, or undefined. */
  get told(): Record<string, unknown> | undefined {
    const path = join(this.directory, 'told');
    const [last] = existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n').slice(-1) : [];
    return last === undefined ? undefined : (JSON.parse(last) as Record<string, unknown>);
  }
}
