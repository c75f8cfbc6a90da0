import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { ConfigError, parseConfig } from '../lib/config/config';
import { OpenClawStack } from '../lib/openclaw-stack';

function main(): void {
  const app = new App();
  const config = parseConfig(app.node.getAllContext() as Record<string, unknown>);
  const name = `openclaw-${config.stack}`;
  new OpenClawStack(app, name, {
    config,
    stackName: name,
    description: 'OpenClaw on one EC2 spot instance that can be lost at any time',
    env: { account: process.env.CDK_DEFAULT_ACCOUNT, region: config.region },
  });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
}

try {
  main();
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  for (const fault of error.faults) console.error(`configuration: ${fault}`);
  process.exitCode = 1;
}
