import type { Config } from '../../config/config';
import { cdk } from '../cdk';
import type { Context } from '../context';
import { deployedSettings, takenBack } from '../deployed-settings';
import { Deployment } from '../deployment';
import { EXIT } from '../errors';
import { findGroup, pausedSince, whyNone } from '../machine';
import { configOf, settingsOf, type Given } from '../settings';
import { collect, command, type Definition } from './definition';

const deploy: Definition = {
  command: command(
    {
      usage: 'deploy [words...]',
      summary: 'deploy, adopting what a destroy left, after a look at what that would take back',
      description:
        'Runs `cdk deploy` for the deployment; it adopts the state bucket that a destroy or a failed first deploy has left. ' +
        'Settings come from deployments/<stack>.json, cdk.json and -c. Where the last deploy was told more than this one ' +
        '(an image, a market, a backup mode, an address), it says so and asks first. Words after -- go to the CDK.',
      examples: ['deploy --az me-central-1a', 'deploy --stack prod --yes', 'deploy --stack prod -- --no-rollback'],
    },
    (made) =>
      made
        .option('-c, --context <key=value>', 'a setting, as in `cdk deploy -c`; can be given more than once', collect)
        .option('--yes', 'ask nothing, neither about settings nor about permissions'),
  ),
  work: async (context) => {
    const given = settingsOf(context);
    const settings = configOf(context, given);
    const { stack, region, availabilityZone } = settings;
    const deployment = new Deployment(stack, region, availabilityZone);
    if (!(await agreed(context, settings, await deployedSettings(deployment)))) return EXIT.failed;
    const group = await findGroup(deployment);
    if (group && pausedSince(group) !== undefined) {
      context.say(
        `${deployment.group}: ${whyNone(group)}: this deploy launches no machine, and cannot show that one gets ready`,
      );
    }
    return (await runDeploy(context, given, context.args)) ? EXIT.done : EXIT.failed;
  },
};

/**
 * Asks where a deploy would take back what the last one was told.
 * @param told - to the last one
 */
export async function agreed(
  context: Context,
  { stack, given }: Config,
  told: Readonly<Record<string, string>> | undefined,
): Promise<boolean> {
  const back = takenBack(told, given);
  if (back.length === 0) return true;
  context.say(`the last deploy of openclaw-${stack} was told what this one is not, and takes back:`);
  for (const line of back) context.say(`  ${line}`);
  context.say(`to keep it: -c ${back[0] ?? ''}, or a line in deployments/${stack}.json`);
  return context.confirm('Deploy without it?');
}

/**
 * Runs the CDK's deploy, which is green only when the machine is ready, or the deployment is paused.
 * @param words - for the CDK. @default - none
 * @returns whether it was
 */
export async function runDeploy(context: Context, given: Given, words: readonly string[] = []): Promise<boolean> {
  const approval = context.yes ? ['--require-approval', 'never'] : [];
  const status = await cdk(context.world, ['deploy', ...given.words, ...approval, ...words], {
    CDK_IMPORT_EXISTING_RESOURCES: 'true',
  });
  return status === 0;
}

export const DEPLOY_COMMANDS: readonly Definition[] = [deploy];
