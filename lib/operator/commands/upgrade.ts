import { parseImageReference } from '../../config/image-reference';
import { AwsCallError } from '../aws/calls';
import { explain } from '../aws/explain';
import type { Context } from '../context';
import { deployedSettings } from '../deployed-settings';
import { EXIT, Failure, UsageError } from '../errors';
import { findMachine } from '../machine';
import { requireBucket, type StateBucket } from '../state/bucket';
import { askAtBoot } from '../state/restore-at-boot';
import { imageOf, stoppedSince } from '../status';
import { deployedImage, planOf, refuseOpenRequest, requireBackups, toChange, type Plan } from '../upgrade/plan';
import { readParameter, recordName, recordText, writeParameter, type Image } from '../upgrade/record';
import { takeSnapshot } from '../upgrade/snapshot';
import { lastUpdate, outcomeOf, type Outcome } from '../upgrade/stack';
import { Steps } from '../upgrade/steps';
import { isOlder, versionOf } from '../upgrade/version';
import { collect, command, type Definition } from './definition';
import { agreed, runDeploy } from './deploy';

const upgrade: Definition = {
  command: command(
    {
      usage: 'upgrade [image]',
      summary: 'deploy another image of OpenClaw, with a backup before and the way back',
      description:
        'Backs up, notes image and snapshot in the parameter upgrade, and deploys the image with the settings of `deploy`; ' +
        'the deploy is done when OpenClaw serves. Where it does not get ready, CloudFormation brings the former image back, ' +
        'which starts from the last backup it made itself: a machine that never served adds none. Where the new one had ' +
        'served and the former cannot come back, the snapshot is asked for at the next boot. A table says what happened. The image is an argument, or IMAGE.',
      examples: [
        'upgrade ghcr.io/openclaw/openclaw:2026.9.6',
        'upgrade ghcr.io/openclaw/openclaw:2026.9.6 --stack prod --yes',
      ],
      exits: ['1, too, where the former image is back'],
    },
    (made) =>
      made
        .option('-c, --context <key=value>', 'a setting, as in `deploy -c`; can be given more than once', collect)
        .option('--yes', 'ask nothing, neither about settings nor about permissions'),
  ),
  work: async (context) => {
    const image = context.args[0] ?? context.world.env.IMAGE ?? '';
    if (parseImageReference(image) === undefined) {
      throw new UsageError([
        `IMAGE must be a reference like ghcr.io/openclaw/openclaw:2026.9.6 or one with @sha256:…, got '${image}'`,
      ]);
    }
    return new Upgrade(context, planOf(context, image), image).run();
  },
};

class Upgrade {
  private readonly steps: Steps;

  constructor(
    private readonly context: Context,
    private readonly plan: Plan,
    private readonly image: string,
  ) {
    this.steps = new Steps(context.world);
  }

  async run(): Promise<number> {
    const { context, image, steps } = this;
    const { deployment, config } = this.plan;
    const { group } = deployment;
    const { id } = await findMachine(deployment);
    const told = await deployedSettings(deployment);
    const from = await deployedImage(deployment, told);
    if (from.reference === image) return this.nothingToDo(from);
    this.refuseOlder(from);
    requireBackups(this.plan, told);
    const bucket = await requireBucket(deployment);
    const stopped = await stoppedSince(deployment, bucket);
    if (stopped !== undefined) {
      throw new Failure([
        `OpenClaw of ${group} is stopped by hand${stopped && ` since ${stopped}`}, so that nothing would show whether the new one serves: ` +
          `npx openclaw-spot start ${deployment.options}`,
      ]);
    }
    await refuseOpenRequest(deployment, bucket);
    if (!(await agreed(context, config, told))) return EXIT.failed;

    context.say(`upgrade of ${group} from ${from.reference} to ${image}: the backup first`);
    const snapshot = await steps.take(
      'backup',
      () => takeSnapshot(deployment, bucket, context.world, id),
      (taken) => `snapshot ${taken}`,
    );
    const name = recordName(deployment);
    const before = await readParameter(deployment, name);
    await steps.take(
      'note',
      () => writeParameter(deployment, name, recordText({ from, to: image, snapshot, time: context.world.now() })),
      () => `the way back, in ${name}`,
    );
    const updated = await lastUpdate(deployment);
    const green = await steps.take(
      'deploy',
      () => runDeploy(context, this.plan.given),
      (done) => (done ? `${image} is ready` : 'failed'),
    );
    if (!green) await this.settle(from, snapshot, bucket, updated, before);
    return this.end(from, snapshot, green);
  }

  private nothingToDo({ reference, digest }: Image): number {
    const pinned =
      digest === undefined
        ? ''
        : `, at ${digest}: another of the same name is had by giving its digest, ${reference}@sha256:…`;
    this.context.show(`nothing to do: ${reference} is deployed${pinned}\n`, {
      upgraded: false,
      image: reference,
      digest,
    });
    return EXIT.done;
  }

  private refuseOlder({ reference }: Image): void {
    const [wanted, deployed] = [versionOf(this.image), versionOf(reference)];
    if (wanted === undefined || deployed === undefined || !isOlder(wanted, deployed)) return;
    throw new Failure([
      `the image must not be older than the deployed OpenClaw ${deployed}, whose state it cannot read, got ${this.image}: ` +
        `to go back: npx openclaw-spot rollback ${this.plan.deployment.options}`,
    ]);
  }

  /** After a deploy that failed: sees what became of image and state, and mends what is left to mend. */
  private async settle(
    from: Image,
    snapshot: string,
    bucket: StateBucket,
    updated: number | undefined,
    before: string | undefined,
  ): Promise<void> {
    const { deployment } = this.plan;
    try {
      const outcome = await outcomeOf(deployment, updated);
      // What is not upgraded cannot be rolled back, but what was upgraded before still can.
      if (isBack(outcome)) await writeParameter(deployment, recordName(deployment), before);
      await this.tell(outcome, from, snapshot, bucket);
    } catch (error) {
      // The rows until here are wanted all the same.
      if (!(error instanceof AwsCallError)) throw error;
      await this.row('outcome', `not known: ${explain(error)}`);
    }
  }

  private async row(step: string, words: string): Promise<void> {
    await this.steps.take(step, () => Promise.resolve(words), String);
  }

  private async tell(outcome: Outcome, from: Image, snapshot: string, bucket: StateBucket): Promise<void> {
    const { deployment } = this.plan;
    if (!outcome.begun) {
      await this.row('image', `${from.reference} still: nothing was changed`);
      await this.row('state', 'goes on');
      return;
    }
    const back = isBack(outcome);
    await this.row(
      'image',
      back ? `back to ${from.reference} (${outcome.status})` : `not back yet: the stack is in ${outcome.status}`,
    );
    if (back) await this.compareDigest(from);
    if (!outcome.served) {
      await this.row(
        'state',
        'of the last backup before: the new OpenClaw never served, and what it wrote is set aside at most',
      );
    } else if (back) {
      await this.row('state', `of the new OpenClaw, which had served; from before: restore ${snapshot}`);
    } else if (outcome.status.startsWith('UPDATE_ROLLBACK_')) {
      await this.steps.take(
        'state',
        () => askAtBoot(deployment, bucket, { snapshot, paths: [] }),
        () => `the new OpenClaw had served: the next boot restores snapshot ${snapshot}`,
      );
    } else {
      await this.row('state', `the new OpenClaw had served; from before: snapshot ${snapshot}`);
    }
    if (!back) {
      this.context.say(`see what CloudFormation says of ${deployment.group}; where it is UPDATE_ROLLBACK_FAILED:`);
      this.context.say(`  npx openclaw-spot replace ${deployment.options}`);
      this.context.say(
        `  aws cloudformation continue-update-rollback --region ${deployment.region} --stack-name ${deployment.group}`,
      );
    }
  }

  /** A tag can be moved, and the new image's boot has taken the place of the former's record. */
  private async compareDigest({ reference, digest }: Image): Promise<void> {
    const now = await imageOf(this.plan.deployment);
    if (digest === undefined || now?.reference !== reference || now.digest === digest) return;
    this.context.say(`${reference} is another image than before: ${now.digest}, before ${digest}`);
    this.context.say(`to have that one: npx openclaw-spot deploy -c image=${reference}@${digest}`);
  }

  private end(from: Image, snapshot: string, upgraded: boolean): number {
    const { context, image, steps, plan } = this;
    context.show(steps.text, { upgraded, from, image, snapshot, steps: steps.done });
    if (!upgraded) return EXIT.failed;
    for (const line of toChange(context, plan, image)) context.say(line);
    context.say(`to go back, image and state: npx openclaw-spot rollback ${plan.deployment.options}`);
    return EXIT.done;
  }
}

/** Whether the former image is what the stack has again, or still. */
const isBack = ({ begun, status }: Outcome): boolean => !begun || status === 'UPDATE_ROLLBACK_COMPLETE';

export const UPGRADE_COMMANDS: readonly Definition[] = [upgrade];
