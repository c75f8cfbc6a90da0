import type { Context } from '../context';
import { deployedSettings } from '../deployed-settings';
import { EXIT, Failure } from '../errors';
import { findGroup, noSuchDeployment, pausedSince } from '../machine';
import { listBackups } from '../state/backups';
import { requireBucket, type StateBucket } from '../state/bucket';
import { toJson } from '../state/request';
import { askAtBoot, takeBackAtBoot } from '../state/restore-at-boot';
import { span, utc } from '../terminal/text';
import { deployedImage, planOf, refuseOpenRequest, requireBackups, toChange, type Plan } from '../upgrade/plan';
import { parseRecord, readParameter, recordName, writeParameter, type UpgradeRecord } from '../upgrade/record';
import { lastUpdate, outcomeOf, type Outcome } from '../upgrade/stack';
import { Steps } from '../upgrade/steps';
import { collect, command, type Definition } from './definition';
import { agreed, runDeploy } from './deploy';

const rollback: Definition = {
  command: command(
    {
      usage: 'rollback',
      summary: 'go back to image and state of before the last `upgrade`',
      description:
        'Goes back to the image, by its digest, and the snapshot of before the last `upgrade`: asks for the snapshot at the ' +
        'next boot, then deploys the former image. What was written since stays in the backups of the newer OpenClaw alone. ' +
        'Asks first.',
      examples: ['rollback --az me-central-1a', 'rollback --stack prod --yes'],
    },
    (made) =>
      made
        .option('-c, --context <key=value>', 'a setting, as in `deploy -c`; can be given more than once', collect)
        .option('--yes', 'ask nothing'),
  ),
  work: async (context) => {
    const { deployment } = planOf(context);
    const name = recordName(deployment);
    const text = await readParameter(deployment, name);
    if (text === undefined) {
      if (!(await findGroup(deployment))) throw noSuchDeployment(deployment);
      throw new Failure([
        `no upgrade of ${deployment.group} is recorded (${name}). By hand: npx openclaw-spot restore-at-boot with a snapshot ` +
          'of before, then npx openclaw-spot deploy -c image= with the former image',
      ]);
    }
    const record = parseRecord(text, name);
    return new Rollback(context, planOf(context, record.from.reference), record).run();
  },
};

class Rollback {
  private readonly steps: Steps;

  constructor(
    private readonly context: Context,
    private readonly plan: Plan,
    private readonly record: UpgradeRecord,
  ) {
    this.steps = new Steps(context.world);
  }

  async run(): Promise<number> {
    const { context, plan, record, steps } = this;
    const { deployment, config, given } = plan;
    const { from, snapshot, time } = record;
    const group = await findGroup(deployment);
    if (!group) throw noSuchDeployment(deployment);
    const told = await deployedSettings(deployment);
    const deployed = await deployedImage(deployment, told);
    if (deployed.reference === from.reference) {
      throw new Failure([
        `${deployment.group} is at ${from.reference} already, which the last upgrade began from: nothing to roll back`,
      ]);
    }
    requireBackups(plan, told);
    const bucket = await requireBucket(deployment);
    const request = { snapshot, paths: [] };
    await refuseOpenRequest(deployment, bucket, toJson(request));
    await this.requireSnapshot(bucket);
    if (!(await agreed(context, config, told))) return EXIT.failed;
    const since = span(context.world.now().getTime() - time.getTime());
    const question =
      `Roll ${deployment.group} back from ${deployed.reference} to ${from.reference}, and its state to ${utc(time)} UTC? ` +
      `What was written in the ${since} since is lost to it, and stays in the backups of ${deployed.reference} alone.`;
    if (!(await context.confirm(question))) return EXIT.failed;

    // In this order: the boot of an older OpenClaw refuses the newer state.
    await steps.take(
      'state',
      () => askAtBoot(deployment, bucket, request),
      () => `the next boot restores snapshot ${snapshot}`,
    );
    const image = `${deployment.path}/image`;
    const recorded = await readParameter(deployment, image);
    if (from.digest !== undefined) {
      const text = JSON.stringify({ reference: from.reference, digest: from.digest });
      await steps.take(
        'image',
        () => writeParameter(deployment, image, text),
        () => `the digest of before, ${from.digest ?? ''}`,
      );
    }
    const updated = await lastUpdate(deployment);
    const green = await steps.take(
      'deploy',
      () => runDeploy(context, given),
      (done) => {
        if (!done) return 'failed';
        return pausedSince(group) === undefined ? `${from.reference} is ready` : 'paused still: `resume` boots it';
      },
    );
    context.show(steps.text, { rolledBack: green, from: deployed, image: from, snapshot, steps: steps.done });
    if (green) {
      await writeParameter(deployment, recordName(deployment), undefined);
    } else {
      const outcome = await outcomeOf(deployment, updated);
      if (!outcome.begun) {
        await takeBackAtBoot(deployment, bucket);
        await writeParameter(deployment, image, recorded);
      }
      this.tellFailure(outcome, deployed.reference);
    }
    if (!green) return EXIT.failed;
    for (const line of toChange(context, plan, from.reference)) context.say(line);
    return EXIT.done;
  }

  private async requireSnapshot(bucket: StateBucket): Promise<void> {
    const { deployment } = this.plan;
    const { snapshot, from } = this.record;
    const stored = await listBackups(deployment, bucket);
    if (stored.some(({ id }) => id === snapshot)) return;
    throw new Failure([
      `snapshot ${snapshot} of before the upgrade is no longer in s3://${bucket.Bucket}: choose another that OpenClaw of ` +
        `${from.reference} can read (npx openclaw-spot snapshots ${deployment.options}), ask for it by restore-at-boot, and ` +
        `deploy -c image=${from.reference}`,
    ]);
  }

  private tellFailure({ begun, status }: Outcome, deployed: string): void {
    const { context, plan, record } = this;
    if (!begun) {
      context.say(`nothing was changed: ${deployed} goes on with its state, and no restore is asked for`);
      return;
    }
    context.say(
      `the stack is in ${status}; a machine that booted meanwhile has the state of snapshot ${record.snapshot},`,
    );
    context.say(
      `also one of ${deployed}: what was written since is in the backups (npx openclaw-spot snapshots ${plan.deployment.options})`,
    );
  }
}

export const ROLLBACK_COMMANDS: readonly Definition[] = [rollback];
