import type { Config } from '../../config/config';
import type { Context } from '../context';
import type { deployedSettings } from '../deployed-settings';
import { cdkContext, Deployment } from '../deployment';
import { Failure, UsageError } from '../errors';
import { configOf, settingsOf, type Given } from '../settings';
import { askedAtBoot } from '../state/restore-at-boot';
import type { StateBucket } from '../state/bucket';
import { imageOf } from '../status';
import { isImage, type Image } from './record';

/** What a deploy with an image is told, and where. */
export interface Plan {
  readonly given: Given;
  readonly config: Config;
  readonly deployment: Deployment;
}

/**
 * The deployment's settings, with this image in place of theirs.
 * @param image - @default - theirs
 * @throws UsageError where they are not allowed, or say an image themselves
 */
export function planOf(context: Context, image?: string): Plan {
  const { context: texts = [] } = context.options as { context?: string[] };
  const said = texts.find((text) => text.startsWith('image='));
  if (said !== undefined) throw new UsageError([`this command decides the image, got -c ${said}: leave it out`]);
  const given = settingsOf(context, image === undefined ? [] : [`image=${image}`]);
  const config = configOf(context, given);
  return { given, config, deployment: new Deployment(config.stack, config.region, config.availabilityZone) };
}

export type Told = Awaited<ReturnType<typeof deployedSettings>>;

/**
 * The image that is deployed: what the last deploy was told, else what a machine recorded.
 * @throws Failure where neither says one
 */
export async function deployedImage(deployment: Deployment, told: Told): Promise<Image> {
  const found = await imageOf(deployment);
  const recorded = isImage(found?.reference, found?.digest) ? found : undefined;
  const reference = told?.image ?? recorded?.reference;
  if (reference === undefined) {
    throw new Failure([
      `which image ${deployment.group} runs is not recorded: neither its last deploy was told one, nor does ${deployment.path}/image hold one`,
    ]);
  }
  return { reference, digest: recorded?.reference === reference ? recorded.digest : undefined };
}

/** @throws Failure where nothing is saved, so that there would be no way back */
export function requireBackups({ config, deployment }: Plan, told: Told): void {
  const off = [config.backup, told?.backup].includes('off');
  if (!off) return;
  throw new Failure([
    `${deployment.group} has no backups (backup=off), so that its state could not go back with the image: deploy it with ` +
      'backup=snapshots first, or change the image without a way back: npx openclaw-spot deploy -c image=…',
  ]);
}

/**
 * @param own - a request that may be there
 * @throws Failure where a restore was asked for that the new machine would do
 */
export async function refuseOpenRequest(deployment: Deployment, bucket: StateBucket, own?: string): Promise<void> {
  const asked = await askedAtBoot(deployment, bucket);
  if (asked === undefined || asked === own) return;
  throw new Failure([
    `a restore is asked for at the next boot, which this would do too: ${asked.slice(0, 200)}; let it be done first, ` +
      `or take it back: npx openclaw-spot restore-at-boot --cancel ${deployment.options}`,
  ]);
}

/** What a person has to change, so that the next deploy does not bring another image: a line each. */
export function toChange({ world }: Context, { given: { file }, config }: Plan, image: string): string[] {
  const places: [string, unknown][] = [
    ['cdk.json', cdkContext(world.root).image],
    [file?.name ?? '', file?.settings.image],
  ];
  const lines = places
    .filter(([, says]) => says !== undefined && says !== image)
    .map(
      ([name, says]) => `${name} says "image": "${String(says)}", and the next deploy does so: change it to "${image}"`,
    );
  if (places.some(([, says]) => says !== undefined)) return lines;
  return [`so that the next deploy keeps it: "image": "${image}" in deployments/${config.stack}.json`];
}
