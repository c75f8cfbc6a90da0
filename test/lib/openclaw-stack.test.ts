import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { parseConfig } from '../../lib/config/config';
import { OpenClawStack } from '../../lib/openclaw-stack';
import { openClawStack, REPOSITORY, synthesize, synthesizeAnew, testApp, type Resource } from './support/synthesize';

const template = synthesize();

test('is in the region of the zone, in no account where none is known', () => {
  const stack = openClawStack({ az: 'eu-west-1b', stack: 'prod' });
  expect(stack.stackName).toBe('openclaw-prod');
  expect(stack.environment).toBe('aws://unknown-account/eu-west-1');
  expect(openClawStack({}, '123456789012').environment).toBe('aws://123456789012/me-central-1');
});

test('looks nothing up', () => {
  const app = testApp();
  const config = parseConfig({ az: 'me-central-1a' });
  new OpenClawStack(app, 'Stack', { config, env: { account: '123456789012', region: config.region } });
  expect(app.synth().manifest.missing).toBeUndefined();
});

test('gives what a person uses', () => {
  const outputs = template.toJSON().Outputs as Record<string, { Value: unknown }>;
  expect(Object.fromEntries(Object.entries(outputs).map(([id, { Value }]) => [id, Value]))).toEqual({
    StateBucket: 'openclaw-backup-dev-123456789012-me-central-1',
    GroupName: 'openclaw-dev',
    Settings: '{"az":"me-central-1a"}',
    GatewayLogGroup: { Ref: expect.stringMatching(/^ObservabilityGateway/) as string },
    ConnectCommand:
      'aws ssm start-session --region me-central-1 --target "$(aws autoscaling describe-auto-scaling-groups' +
      ' --region me-central-1 --auto-scaling-group-names openclaw-dev --query' +
      " 'AutoScalingGroups[0].Instances[?LifecycleState==`InService`]|[0].InstanceId' --output text)\"" +
      ' --document-name AWS-StartPortForwardingSession' +
      ` --parameters '{"portNumber":["18789"],"localPortNumber":["18789"]}'`,
    TokenCommand:
      'aws ssm get-parameter --region me-central-1 --name /openclaw/dev/env/OPENCLAW_GATEWAY_TOKEN' +
      ' --with-decryption --query Parameter.Value --output text',
  });
});

test('has no secret: no parameter of the template, no resolved reference, no secret resource', () => {
  expect(Object.keys(template.toJSON().Parameters as object)).toEqual(['BootstrapVersion']);
  const text = JSON.stringify(template.toJSON());
  for (const never of [
    '{{resolve:ssm-secure',
    '{{resolve:secretsmanager',
    'AWS::SecretsManager',
    'AWS::SSM::Parameter"',
  ]) {
    expect(text.includes(never)).toBe(false);
  }
});

test('marks every resource that can be marked with the deployment', () => {
  const marked = /"Key":"openclaw:stack",(?:"PropagateAtLaunch":true,)?"Value":"prod"/;
  const bare = Object.entries(synthesize({ stack: 'prod' }).toJSON().Resources as Record<string, Resource>)
    .filter(([, { Properties }]) => 'Tags' in Properties)
    .filter(([, { Properties }]) => !marked.test(JSON.stringify(Properties)));
  expect(bare.map(([id]) => id)).toEqual([]);
});

test('two deployments share no name', () => {
  const prod = JSON.stringify(synthesize({ stack: 'prod' }).toJSON());
  for (const name of ['openclaw-dev', 'openclaw-backup-dev', '/openclaw/dev', 'OpenClaw/dev']) {
    expect([name, prod.includes(name)]).toEqual([name, false]);
  }
});

test('is the same each time', () => {
  expect(synthesizeAnew().toJSON()).toEqual(template.toJSON());
});

test('fits into CloudFormation', () => {
  expect(JSON.stringify(template.toJSON()).length).toBeLessThan(1_000_000);
});

test('has not changed unawares', () => {
  const script = JSON.stringify(readFileSync(path.join(REPOSITORY, 'assets', 'user-data.sh'), 'utf8')).slice(1, -1);
  const text = JSON.stringify(template.toJSON())
    .replace(/# fingerprint: [0-9a-f]{16}/g, '# fingerprint: <hash>')
    .replace(script, '<user-data.sh>');
  const scrubbed = JSON.parse(text) as { Resources: Record<string, Resource> };
  for (const { Metadata } of Object.values(scrubbed.Resources)) {
    const init = Metadata?.['AWS::CloudFormation::Init'] as { machine: { files: object } } | undefined;
    // The machine's files, and its user data, are held by tests that read them where they stand.
    if (init) init.machine.files = {};
  }
  expect(scrubbed).toMatchSnapshot();
});
