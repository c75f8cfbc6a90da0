import type { AutoScalingGroup } from '@aws-sdk/client-auto-scaling';
import { describeStack } from '../deployed-settings';
import type { Context } from '../context';
import type { Deployment } from '../deployment';
import { EXIT, Failure } from '../errors';
import { findGroup, noSuchDeployment, PAUSED_TAG, pausedSince, SUSPENDED, whyNone } from '../machine';
import { listBackups } from '../state/backups';
import { findBucket, PRICE_PER_GIB_MONTH, sizeOf } from '../state/bucket';
import { endOf, type End } from '../state/handover';
import { readStatus } from '../status';
import { span, utc } from '../terminal/text';
import { command, type Definition } from './definition';

const LOOK_MS = 10_000;
const MINUTE_MS = 60_000;
// A drain has the time that its last backup takes, and says so to the group by heartbeats.
const END_MINUTES = 60;
// As long as a deploy waits for a machine, and the few minutes until it has said that it is ready.
const READY_MINUTES = 25;

const ENDS: Readonly<Record<End, string>> = {
  clean: 'its end was clean: the state is saved and the lease given back',
  'set aside': 'its end was not clean: the last state was refused and is set aside; `snapshots` lists it',
  'not clean': 'its end was not clean: what was written since the last backup is not saved',
  'no word': 'it left no word of a clean end: what was written since the last backup may not be saved',
};

const pause: Definition = {
  command: command({
    usage: 'pause',
    summary: 'end the machine in good order, and launch no other until `resume`',
    description:
      'Ends the machine as a scale-in does: OpenClaw stops, the state is saved, the lease given back. No other is launched ' +
      'until `resume`, neither by a deploy nor by the schedule. Waits until the machine is gone, says how it ended (1 where that was not clean) ' +
      'and what goes on costing. The alarms on silence know of it.',
    examples: ['pause --region me-central-1'],
  }),
  work: async (context) => {
    const deployment = await context.deployment();
    const group = await groupOf(deployment);
    if (pausedSince(group)) context.say(`${deployment.group} is paused already`);
    else {
      await refuseDuringDeploy(deployment);
      // First, so that no group is ever paused without it.
      await note(deployment, context.world.now());
      await deployment.aws.autoScaling('SuspendProcesses', (autoScaling) =>
        autoScaling.suspendProcesses({ AutoScalingGroupName: deployment.group, ScalingProcesses: SUSPENDED }),
      );
      await want(deployment, 0);
    }
    const [{ InstanceId: machine } = {}] = group.Instances ?? [];
    await untilEmpty(context, deployment);
    return told(context, deployment, machine);
  },
};

const resume: Definition = {
  command: command({
    usage: 'resume',
    summary: 'launch a machine again after `pause`, and wait until OpenClaw serves',
    description:
      'Has the group launch a machine again, which restores the state, and waits until it has said that OpenClaw serves: a ' +
      'machine says so for the first time about four minutes after it does.',
    examples: ['resume --region me-central-1'],
  }),
  work: async (context) => {
    const deployment = await context.deployment();
    const group = await groupOf(deployment);
    if (pausedSince(group) === undefined) context.say(`${deployment.group} is not paused`);
    else await want(deployment, 1);
    if (group.Tags?.some(({ Key }) => Key === PAUSED_TAG)) {
      await deployment.aws.autoScaling('ResumeProcesses', (autoScaling) =>
        autoScaling.resumeProcesses({ AutoScalingGroupName: deployment.group, ScalingProcesses: SUSPENDED }),
      );
      await forget(deployment);
    }
    return untilReady(context, deployment);
  },
};

async function groupOf(deployment: Deployment): Promise<AutoScalingGroup> {
  const group = await findGroup(deployment);
  if (!group) throw noSuchDeployment(deployment);
  return group;
}

/** A deploy waits for its new machine, which would never come: it would fail, and roll back. */
async function refuseDuringDeploy(deployment: Deployment): Promise<void> {
  const { StackStatus: status = '' } = (await describeStack(deployment)) ?? {};
  if (status.endsWith('_IN_PROGRESS')) {
    throw new Failure([
      `${deployment.group} is being deployed (${status}), which waits for its machine: pause it afterwards`,
    ]);
  }
}

async function want({ aws, group }: Deployment, machines: 0 | 1): Promise<void> {
  await aws.autoScaling('UpdateAutoScalingGroup', (autoScaling) =>
    autoScaling.updateAutoScalingGroup({
      AutoScalingGroupName: group,
      MinSize: machines,
      DesiredCapacity: machines,
    }),
  );
}

const tagOf = ({ group }: Deployment) => ({
  ResourceId: group,
  ResourceType: 'auto-scaling-group',
  Key: PAUSED_TAG,
});

async function note(deployment: Deployment, now: Date): Promise<void> {
  const Value = `${now.toISOString().slice(0, 19)}Z`;
  await deployment.aws.autoScaling('CreateOrUpdateTags', (autoScaling) =>
    autoScaling.createOrUpdateTags({ Tags: [{ ...tagOf(deployment), Value, PropagateAtLaunch: false }] }),
  );
}

async function forget(deployment: Deployment): Promise<void> {
  await deployment.aws.autoScaling('DeleteTags', (autoScaling) =>
    autoScaling.deleteTags({ Tags: [tagOf(deployment)] }),
  );
}

/**
 * Looks again and again until there is an answer, and says each minute, and at each change, what it waits for.
 * @param look - the answer, or in words what there is in its place
 * @param late - the lines where it takes longer than so many minutes
 */
async function waitFor<T extends object>(
  { world, say }: { world: Context['world']; say: (line: string) => void },
  minutes: number,
  look: () => Promise<T | string>,
  late: (last: string) => string[],
): Promise<T> {
  const begun = world.now().getTime();
  let said = '';
  let saidAt = 0;
  for (;;) {
    const found = await look();
    if (typeof found === 'object') return found;
    const now = world.now().getTime();
    if (now - begun > minutes * MINUTE_MS) throw new Failure(late(found));
    if (found !== said || now - saidAt >= MINUTE_MS) {
      say(`${found} (${span(now - begun)})`);
      [said, saidAt] = [found, now];
    }
    await world.sleep(LOOK_MS);
  }
}

async function untilEmpty(context: Context, deployment: Deployment): Promise<void> {
  await waitFor(
    progressOf(context),
    END_MINUTES,
    async () => {
      const group = await groupOf(deployment);
      if (pausedSince(group) === undefined) {
        throw new Failure([`somebody has resumed ${deployment.group} meanwhile`]);
      }
      return group.Instances?.length ? whyNone(group) : group;
    },
    (last) => [
      `after ${END_MINUTES} min the machine is still there: ${last}; it goes on ending, and no other is launched`,
    ],
  );
}

const progressOf = (context: Context) => ({
  world: context.world,
  say: (line: string) => {
    context.say(line);
  },
});

/** @param machine - the one that has ended. @default - there was none */
async function told(context: Context, deployment: Deployment, machine: string | undefined): Promise<number> {
  const bucket = await findBucket(deployment);
  const end = bucket && machine !== undefined ? await endOf(deployment, bucket, machine) : undefined;
  const stored = bucket && (await sizeOf(deployment, bucket));
  const last = bucket && (await listBackups(deployment, bucket)).filter(({ setAside }) => !setAside).at(-1);
  const since = pausedSince(await groupOf(deployment)) ?? '';
  const usdPerMonth = Math.ceil((stored?.gib ?? 0) * PRICE_PER_GIB_MONTH * 100) / 100;
  const lines = [
    ...(machine === undefined ? [] : [`${machine} is gone${end ? `; ${ENDS[end]}` : ''}`]),
    ...(bucket
      ? [`last backup  ${last ? `${utc(last.time)} UTC, ${last.engine}` : 'none'}`]
      : ['there is no state bucket (backup=off): nothing is saved, and the next machine starts from empty']),
    `${deployment.group} is paused${since && ` since ${since}`}: no instance, no root volume, no address`,
    'goes on costing:',
    ...(stored
      ? [
          `  state bucket  ${stored.count} object versions, ${stored.gib.toFixed(2)} GiB: about ${usdPerMonth} USD a month`,
        ]
      : []),
    '  alarms, a dashboard and logs that are stored, where there are any: `cost` has the figures',
    `To go on:  npx openclaw-spot resume ${deployment.options}`,
  ];
  context.show(lines.map((line) => `${line}\n`).join(''), {
    group: deployment.group,
    paused: since,
    ended: machine,
    end,
    lastBackup: last,
    bucket: stored && { ...stored, usdPerMonth },
  });
  return end === undefined || end === 'clean' ? EXIT.done : EXIT.failed;
}

async function untilReady(context: Context, deployment: Deployment): Promise<number> {
  const begun = context.world.now().getTime();
  const { machine, stopped } = await waitFor(
    progressOf(context),
    READY_MINUTES,
    async () => {
      const { machine, ready, stoppedByHand, paused } = await readStatus(deployment, context.world.now());
      if (paused !== undefined) throw new Failure([`somebody has paused ${deployment.group} meanwhile`]);
      if (typeof machine === 'string') return `no machine in service yet: ${machine}`;
      if (ready) return { machine, stopped: false };
      if (stoppedByHand !== undefined) return { machine, stopped: true };
      return `${machine.id} is there and has not said yet that OpenClaw serves`;
    },
    (last) => [
      `after ${READY_MINUTES} min: ${last}; it goes on trying`,
      `see npx openclaw-spot logs operations ${deployment.options}`,
    ],
  );
  const seconds = Math.round((context.world.now().getTime() - begun) / 1000);
  context.show(
    stopped
      ? `${machine.id} is there; OpenClaw is stopped by hand on any machine, until \`start\`\n`
      : `OpenClaw on ${machine.id} has said that it serves, after ${span(seconds * 1000)}\n`,
    { group: deployment.group, machine, ready: !stopped, seconds },
  );
  return EXIT.done;
}

export const PAUSE_COMMANDS: readonly Definition[] = [pause, resume];
