import { Annotations, App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { ConfigError, parseConfig } from '../lib/config/config';
import { OpenClawStack } from '../lib/openclaw-stack';

function main(): void {
  const app = new App();
  const config = parseConfig(app.node.getAllContext() as Record<string, unknown>);
  const name = `openclaw-${config.stack}`;
  const stack = new OpenClawStack(app, name, {
    config,
    stackName: name,
    description: 'OpenClaw on one EC2 spot instance that can be lost at any time',
    env: { account: process.env.CDK_DEFAULT_ACCOUNT, region: config.region },
  });
  // The CLI has this option in its environment and on its command line only, and CloudFormation's own word about a bucket
  // that exists already does not name it. The CLI prints this at every deploy, before CloudFormation's word.
  if (config.backup !== 'off' && process.env.CDK_IMPORT_EXISTING_RESOURCES !== 'true') {
    const { availabilityZone, stack: deployment } = config;
    Annotations.of(stack).addInfoV2(
      'openclaw:adopt',
      `if the deploy fails because the state bucket already exists (a destroy or a first deploy that failed left it), ` +
        `adopt it: make deploy AZ=${availabilityZone} STACK=${deployment}, which is CDK_IMPORT_EXISTING_RESOURCES=true ` +
        `npx cdk deploy -c az=${availabilityZone} -c stack=${deployment}`,
    );
  }
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
}

try {
  main();
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  for (const fault of error.faults) console.error(`configuration: ${fault}`);
  process.exitCode = 1;
}
