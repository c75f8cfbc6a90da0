import { cdk } from '../cdk';
import { deployedSettings, takenBack } from '../deployed-settings';
import { Deployment } from '../deployment';
import { EXIT } from '../errors';
import { configOf, settingsOf } from '../settings';
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
    const back = takenBack(await deployedSettings(new Deployment(stack, region, availabilityZone)), settings.given);
    if (back.length > 0) {
      context.say(`the last deploy of openclaw-${stack} was told what this one is not, and takes back:`);
      for (const line of back) context.say(`  ${line}`);
      context.say(`to keep it: -c ${back[0] ?? ''}, or a line in deployments/${stack}.json`);
      if (!(await context.confirm('Deploy without it?'))) return EXIT.failed;
    }
    const approval = context.yes ? ['--require-approval', 'never'] : [];
    const status = await cdk(context.world, ['deploy', ...given.words, ...approval, ...context.args], {
      CDK_IMPORT_EXISTING_RESOURCES: 'true',
    });
    return status === 0 ? EXIT.done : EXIT.failed;
  },
};

export const DEPLOY_COMMANDS: readonly Definition[] = [deploy];
