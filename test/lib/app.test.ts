import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { FLAGS, REPOSITORY } from './synthesize';

const out = mkdtempSync(path.join(tmpdir(), 'openclaw-app-'));
afterAll(() => {
  rmSync(out, { recursive: true });
});

/** What the machine's and the user's environment know of AWS must not reach the app. */
const ENVIRONMENT = { PATH: process.env.PATH, HOME: out, CDK_VALIDATION: 'false' };

/** The app, as the CDK CLI runs it. */
function app(context: Record<string, unknown>, directory: string, environment: Record<string, string> = {}) {
  return spawnSync(process.execPath, ['--import', 'tsx', 'bin/openclaw.ts'], {
    cwd: REPOSITORY,
    encoding: 'utf8',
    env: {
      ...ENVIRONMENT,
      CDK_OUTDIR: path.join(out, directory),
      CDK_CONTEXT_JSON: JSON.stringify({ ...FLAGS, ...context }),
      ...environment,
    },
  });
}

function template(directory: string): string {
  return readFileSync(path.join(out, directory, 'openclaw-dev.template.json'), 'utf8');
}

test('synthesizes without credentials, twice the same', () => {
  for (const directory of ['first', 'second']) {
    const { status, stderr } = app({ az: 'me-central-1a' }, directory);
    expect([status, stderr]).toEqual([0, '']);
  }
  expect(readdirSync(path.join(out, 'first')).filter((name) => name.endsWith('.template.json'))).toEqual([
    'openclaw-dev.template.json',
  ]);
  expect(template('second')).toBe(template('first'));
});

test('takes the account from the environment where there is one', () => {
  expect(app({ az: 'me-central-1a' }, 'account', { CDK_DEFAULT_ACCOUNT: '123456789012' }).status).toBe(0);
  expect(template('account')).toContain('"BucketName": "openclaw-backup-dev-123456789012-me-central-1"');
});

test('says all that is wrong with a configuration, in one line each, and nothing of its own code', () => {
  const { status, stdout, stderr } = app({ az: 'me-central-1', market: 'cheap', instancetype: 't4g.small' }, 'bad');
  expect(status).toBe(1);
  expect(stdout).toBe('');
  const lines = stderr.trimEnd().split('\n');
  expect(lines).toEqual([
    expect.stringMatching(
      /^configuration: unknown configuration key 'instancetype' \(value 't4g.small'\).*instanceType/,
    ),
    "configuration: az must be an availability zone like me-central-1a, got 'me-central-1'",
    "configuration: market must be spot or on-demand, got 'cheap'",
  ]);
});

describe('cdk synth', () => {
  function synth(environment: Record<string, string>, ...args: string[]) {
    const cdk = path.join(REPOSITORY, 'node_modules', '.bin', 'cdk');
    const offline = { CDK_NOTICES: 'false', CDK_DISABLE_CLI_TELEMETRY: 'true', AWS_EC2_METADATA_DISABLED: 'true' };
    return spawnSync(cdk, ['synth', '--quiet', '--output', path.join(out, 'cli'), ...args], {
      cwd: REPOSITORY,
      encoding: 'utf8',
      env: { ...ENVIRONMENT, ...offline, ...environment },
    });
  }

  test('passes the message and the failure on', () => {
    const { status, stderr } = synth({}, '-c', 'az=foo', '-c', 'rootVolumeSizeGib=7.5');
    expect(status).toBe(1);
    expect(stderr).toContain("configuration: az must be an availability zone like me-central-1a, got 'foo'");
    expect(stderr).toContain(
      "configuration: rootVolumeSizeGib must be a whole number of GiB from 8 to 16384, got '7.5'",
    );
    expect(stderr).not.toMatch(/^\s+at .*:\d+/m);
  });

  test('fails on a finding of cdk-nag that nobody has explained', () => {
    const seeded = 'node --require ./test/lib/seed-finding.cjs --import tsx bin/openclaw.ts';
    const { status, stderr } = synth({ CDK_VALIDATION: 'true' }, '-c', 'az=me-central-1a', '--app', seeded);
    expect(status).toBe(1);
    expect(stderr).toContain("Acknowledge with 'AwsSolutions::AwsSolutions-S10'");
    expect(stderr).toContain('openclaw-dev/Seeded/Resource');
  });

  test('says how to adopt a bucket that is there already, unless that is asked for', () => {
    const hint = 'CDK_IMPORT_EXISTING_RESOURCES=true npx cdk deploy -c az=me-central-1a -c stack=dev';
    const plain = synth({}, '-c', 'az=me-central-1a');
    expect([plain.status, plain.stderr.includes(hint)]).toEqual([0, true]);
    const adopting = synth({ CDK_IMPORT_EXISTING_RESOURCES: 'true' }, '-c', 'az=me-central-1a');
    expect([adopting.status, adopting.stderr.includes(hint)]).toEqual([0, false]);
    const without = synth({}, '-c', 'az=me-central-1a', '-c', 'backup=off');
    expect([without.status, without.stderr.includes(hint)]).toEqual([0, false]);
  });
});
