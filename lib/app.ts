import { Annotations, type App, Stage, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { type Config, ConfigError, parseConfig } from './config/config';
import { DEFAULT_STACK } from './config/settings';
import { readSettingsFile, SettingsFileError } from './config/settings-file';
import { OpenClawStack } from './openclaw-stack';
import { PullRequestStack } from './pull-request-stack';

/** What the app takes from the environment. */
export interface AppEnvironment {
  /** The account of the deployment, as the CDK CLI knows it. @default - a template for any account */
  readonly CDK_DEFAULT_ACCOUNT?: string;
  /** `true` where the deploy adopts a state bucket that exists already. @default - it does not, and the app says how to */
  readonly CDK_IMPORT_EXISTING_RESOURCES?: string;
  /** Where the settings files of deployments are. @default - `deployments` in the project's directory */
  readonly OPENCLAW_SETTINGS_DIR?: string;
}

/**
 * Puts the deployment that the app's context and `deployments/<stack>.json` describe into the app, and has it checked by
 * cdk-nag when it is synthesized. With a repository there is a stage `github` beside it.
 *
 * @param root - the project's directory
 * @returns the process's exit status: 0, or 1 where the settings are not allowed; each fault is one line to `tell`
 */
export function buildApp(app: App, env: AppEnvironment, tell: (line: string) => void, root: string): 0 | 1 {
  let config: Config;
  try {
    const context = app.node.getAllContext() as Record<string, unknown>;
    config = parseConfig(context, readSettingsFile(root, context.stack ?? DEFAULT_STACK, env.OPENCLAW_SETTINGS_DIR));
  } catch (error) {
    if (error instanceof SettingsFileError) tell(`configuration: ${error.message}`);
    else if (error instanceof ConfigError) for (const fault of error.faults) tell(`configuration: ${fault}`);
    else throw error;
    return 1;
  }
  const name = `openclaw-${config.stack}`;
  const place = { account: env.CDK_DEFAULT_ACCOUNT, region: config.region };
  const stack = new OpenClawStack(app, name, {
    config,
    stackName: name,
    description: 'OpenClaw on one EC2 spot instance that can be lost at any time',
    env: place,
  });
  // In a stage: `cdk deploy` without a name takes the only stack at the top.
  if (config.repository) {
    new PullRequestStack(new Stage(app, 'github', { env: place }), 'pull-requests', {
      repository: config.repository,
      providerExists: config.githubProvider === 'existing',
    });
  }
  // The CLI has this option in its environment and on its command line only, and CloudFormation's own word about a bucket
  // that exists already does not name it. The CLI prints this at every deploy, before CloudFormation's word.
  if (config.backup !== 'off' && env.CDK_IMPORT_EXISTING_RESOURCES !== 'true') {
    const { availabilityZone, stack: deployment } = config;
    Annotations.of(stack).addInfoV2(
      'openclaw:adopt',
      `if the deploy fails because the state bucket already exists (a destroy or a first deploy that failed left it), ` +
        `adopt it: make deploy AZ=${availabilityZone} STACK=${deployment}, which is CDK_IMPORT_EXISTING_RESOURCES=true ` +
        `npx cdk deploy -c az=${availabilityZone} -c stack=${deployment}`,
    );
  }
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return 0;
}
