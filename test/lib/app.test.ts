import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import type { Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { type AppEnvironment, buildApp } from '../../lib/app';
import { CDK_JSON, REPOSITORY, testApp } from './support/synthesize';

const out = mkdtempSync(path.join(tmpdir(), 'openclaw-app-'));
afterAll(() => {
  rmSync(out, { recursive: true });
});

/** The app with this context in this environment, and what it says. */
function built(context: Record<string, unknown>, env: AppEnvironment = {}) {
  const app = testApp(context);
  const said: string[] = [];
  const status = buildApp(app, env, (line) => said.push(line), out);
  return { app, status, said, stack: app.node.children[0] as Stack };
}

test('is one stack, which cdk-nag finds nothing in', () => {
  const { app, status, said } = built({ az: 'me-central-1a' });
  expect([status, said]).toEqual([0, []]);
  expect(app.synth().stacks.map(({ templateFile }) => templateFile)).toEqual(['openclaw-dev.template.json']);
});

test('is not synthesized with a finding of cdk-nag that nobody has explained', () => {
  const { app, stack } = built({ az: 'me-central-1a' });
  new Bucket(stack, 'Seeded');
  expect(() => app.synth()).toThrow(/openclaw-dev\/Seeded\/Resource[^]*AwsSolutions::AwsSolutions-S10/);
});

test('takes the account from the environment where there is one', () => {
  const { stack } = built({ az: 'me-central-1a' }, { CDK_DEFAULT_ACCOUNT: '123456789012' });
  Template.fromStack(stack).hasResourceProperties('AWS::S3::Bucket', {
    BucketName: 'openclaw-backup-dev-123456789012-me-central-1',
  });
});

test.each<[string, Record<string, unknown>, AppEnvironment, number]>([
  ['says how to adopt a bucket that is there already', {}, {}, 1],
  ['but not where that is asked for', {}, { CDK_IMPORT_EXISTING_RESOURCES: 'true' }, 0],
  ['nor where there is no bucket', { backup: 'off' }, {}, 0],
])('%s', (_, context, env, hints) => {
  const { stack } = built({ az: 'me-central-1a', ...context }, env);
  const hint = 'CDK_IMPORT_EXISTING_RESOURCES=true npx cdk deploy -c az=me-central-1a -c stack=dev';
  expect(Annotations.fromStack(stack).findInfo('*', Match.stringLikeRegexp(hint))).toHaveLength(hints);
});

test('says all that is wrong with a configuration, in one line each, and makes nothing', () => {
  const { app, status, said } = built({ az: 'me-central-1', market: 'cheap', instancetype: 't4g.small' });
  expect(status).toBe(1);
  expect(said).toEqual([
    expect.stringMatching(
      /^configuration: unknown configuration key 'instancetype' \(value 't4g.small'\).*instanceType/,
    ),
    "configuration: az must be an availability zone like me-central-1a, got 'me-central-1'",
    "configuration: market must be spot or on-demand, got 'cheap'",
  ]);
  expect(app.node.children).toEqual([]);
});

describe('as the CDK CLI runs it', () => {
  /** What the machine's and the user's environment know of AWS must not reach the app. */
  const ENVIRONMENT = { PATH: process.env.PATH, HOME: out, CDK_VALIDATION: 'false', OPENCLAW_SETTINGS_DIR: out };

  function run(command: string, args: string[], environment: Record<string, string>) {
    const env = { ...ENVIRONMENT, ...environment };
    return spawnSync(command, args, { cwd: REPOSITORY, encoding: 'utf8', env });
  }

  test('a configuration that is not allowed fails it, with nothing of its own code', () => {
    const [command = '', ...args] = CDK_JSON.app.split(' ');
    const context = JSON.stringify({ az: 'foo', rootVolumeSizeGib: '7.5' });
    const directory = path.join(out, 'refused');
    const { status, stdout, stderr } = run(command, args, { CDK_CONTEXT_JSON: context, CDK_OUTDIR: directory });
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr.split('\n')).toEqual([
      "configuration: az must be an availability zone like me-central-1a, got 'foo'",
      "configuration: rootVolumeSizeGib must be a whole number of GiB from 8 to 16384, got '7.5'",
      '',
    ]);
  });

  // The one run of the real CLI: with a resource that breaks a rule, which leaves the rest of the template as it is.
  test('cdk synth makes the same template, without credentials, and fails on a finding', () => {
    const cdk = path.join(REPOSITORY, 'node_modules', '.bin', 'cdk');
    const app = CDK_JSON.app.replace(/^node /, 'node --require ./test/lib/support/seed-finding.cjs ');
    const args = [
      'synth',
      '--quiet',
      '--no-path-metadata',
      '--output',
      path.join(out, 'cli'),
      '-c',
      'az=me-central-1a',
      '--app',
      app,
    ];
    const offline = { CDK_NOTICES: 'false', CDK_DISABLE_CLI_TELEMETRY: 'true', AWS_EC2_METADATA_DISABLED: 'true' };
    const { status, stderr } = run(cdk, args, offline);
    expect(status).toBe(1);
    expect(stderr).toContain("Acknowledge with 'AwsSolutions::AwsSolutions-S10'");
    expect(stderr).toContain('openclaw-dev/Seeded/Resource');
    expect(stderr).toContain('make deploy AZ=me-central-1a STACK=dev');

    const template = JSON.parse(readFileSync(path.join(out, 'cli', 'openclaw-dev.template.json'), 'utf8')) as {
      Resources: Record<string, unknown>;
    };
    const seeded = Object.keys(template.Resources).filter((id) => id.startsWith('Seeded'));
    expect(seeded).toHaveLength(1);
    for (const id of seeded) Reflect.deleteProperty(template.Resources, id);
    expect(template).toEqual(Template.fromStack(built({ az: 'me-central-1a' }).stack).toJSON());
  });
});
