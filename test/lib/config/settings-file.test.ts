import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Ajv from 'ajv';
import { ConfigError, parseConfig } from '../../../lib/config/config';
import { KEYS, SETTINGS, settingsSchema } from '../../../lib/config/settings';
import { readSettingsFile, SettingsFileError } from '../../../lib/config/settings-file';
import { REPOSITORY } from '../support/synthesize';

const root = mkdtempSync(join(tmpdir(), 'openclaw-settings-'));
beforeAll(() => {
  mkdirSync(join(root, 'deployments'));
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

/** What a deploy of `prod` with this file and this context reads. */
function config(text: string, context: Record<string, unknown> = {}) {
  writeFileSync(join(root, 'deployments', 'prod.json'), text);
  return parseConfig({ stack: 'prod', ...context }, readSettingsFile(root, 'prod', undefined));
}

function faultsOf(text: string, context: Record<string, unknown> = {}): readonly string[] {
  try {
    config(text, context);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    if (error instanceof SettingsFileError) return [error.message];
    throw error;
  }
  return [];
}

test('a file is read with its comments, and -c wins over it', () => {
  const text = '{ // where\n "$schema": "./settings.schema.json", "az": "eu-west-1a", "market": "on-demand", }';
  expect(config(text)).toMatchObject({ stack: 'prod', region: 'eu-west-1', market: 'on-demand' });
  expect(config(text, { market: 'spot' })).toMatchObject({ availabilityZone: 'eu-west-1a', market: 'spot' });
});

test('what was given, in the file or beside it, is recorded as text, in the order of the settings', () => {
  const { given } = config('{"rootVolumeSizeGib": 20, "az": "eu-west-1a", "market": null}', { repository: 'a/b' });
  expect(JSON.stringify(given)).toBe('{"az":"eu-west-1a","rootVolumeSizeGib":"20"}');
});

test.each([
  [
    '{"az": "eu-west-1a", "instancetype": "t4g.small"}',
    /^deployments\/prod\.json: unknown configuration key 'instancetype' \(value 't4g.small'\)\. Did you mean instanceType\?/,
  ],
  // Nobody else keeps keys in there, as the CDK does in its context.
  ['{"az": "eu-west-1a", "@aws-cdk/x": true}', /^deployments\/prod\.json: unknown configuration key '@aws-cdk\/x'/],
  ['{"az": "eu-west-1"}', /^deployments\/prod\.json: az must be an availability zone .* got 'eu-west-1'$/],
  ['{"az": "eu-west-1a", "stack": "dev"}', /^deployments\/prod\.json: stack is the file's own name, got 'dev'/],
  ['{"az": "eu-west-1a"', /^deployments\/prod\.json must be JSON .*, got CloseBraceExpected in line 1, column 20$/],
  ['{\n  "az" "eu-west-1a"\n}', /got ColonExpected in line 2, column 8$/],
  ['["eu-west-1a"]', /^deployments\/prod\.json must be an object of settings, got \["eu-west-1a"\]$/],
  ['', /^deployments\/prod\.json must be JSON/],
])('%s is refused with where and why', (text, expected) => {
  expect(faultsOf(text)).toEqual([expect.stringMatching(expected)]);
});

test('files may lie elsewhere, and are named as they lie there', () => {
  mkdirSync(join(root, 'elsewhere'));
  for (const directory of [join(root, 'elsewhere'), 'elsewhere']) {
    writeFileSync(join(root, 'elsewhere', 'prod.json'), '{"az": "eu-west-1a"}');
    expect(readSettingsFile(root, 'prod', directory)).toEqual({
      name: join(directory, 'prod.json'),
      settings: { az: 'eu-west-1a' },
    });
  }
});

test('a fault of -c is not told as one of the file', () => {
  expect(faultsOf('{"az": "eu-west-1a", "market": "spot"}', { market: 'cheap' })).toEqual([
    "market must be spot or on-demand, got 'cheap'",
  ]);
});

test.each(['../prod', 'a/b', '', '.'])('%j is not a name, and no file is looked for', (stack) => {
  writeFileSync(join(root, 'deployments', '.json'), '[]');
  writeFileSync(join(root, 'prod.json'), '[]');
  expect(readSettingsFile(root, stack, undefined)).toBeUndefined();
});

describe('the schema', () => {
  // Told nothing that only an editor knows.
  const { type, properties, additionalProperties } = settingsSchema();
  const validate = new Ajv({ allErrors: true }).compile({ type, properties, additionalProperties });

  // After a change of a setting: make schema
  test('beside the files is the one of the settings', () => {
    const path = join(REPOSITORY, 'deployments', 'settings.schema.json');
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(settingsSchema());
  });

  test('has every setting but the name, with what it means and its default', () => {
    const { properties } = settingsSchema() as {
      properties: Record<string, { description?: string; default?: string | number | boolean }>;
    };
    expect(Object.keys(properties)).toEqual(['$schema', ...KEYS.filter((key) => key !== 'stack')]);
    for (const key of KEYS.filter((name) => name !== 'stack')) {
      const { fallback, meaning }: { fallback?: string; meaning: string } = SETTINGS[key];
      expect(properties[key]?.description).toBe(meaning);
      const value = properties[key]?.default;
      expect(value === undefined ? undefined : String(value)).toBe(fallback);
    }
  });

  test.each<[string, unknown]>([
    ['az', 'eusc-de-east-1a'],
    ['instanceType', 'c7i-flex.large'],
    ['market', 'on-demand'],
    ['maxPrice', 0.0105],
    ['maxPrice', 9999.5],
    ['cpuCredits', 'unlimited'],
    ['rootVolumeSizeGib', 8],
    ['rootVolumeSizeGib', 16384],
    ['image', '123456789012.dkr.ecr.me-central-1.amazonaws.com/openclaw@sha256:' + 'a'.repeat(64)],
    ['backup', 'off'],
    ['backupIntervalMinutes', 1440],
    ['backupKeepHourly', 0],
    ['ami', 'ami-1a2b3c4d'],
    ['autoApproveDevices', true],
    ['logRetentionDays', 3653],
    ['alarmEmail', 'first.last+aws@example.co.uk'],
    ['repository', 'octocat/my-repo'],
    ['repository', 'octocat@123456/my-repo@456789'],
    ['githubProvider', 'existing'],
  ])('allows %s=%j, as the settings do', (key, value) => {
    expect([validate({ [key]: value }), validate.errors]).toEqual([true, null]);
    expect(() => parseConfig({ az: 'me-central-1a', [key]: value })).not.toThrow();
  });

  test.each<[string, unknown]>([
    ['az', 'me-central-1'],
    ['instanceType', 'mac2.metal'],
    ['market', 'cheap'],
    ['maxPrice', 0.0001],
    ['maxPrice', 10000],
    ['rootVolumeSizeGib', 7],
    ['rootVolumeSizeGib', 7.5],
    ['image', ''],
    ['backupKeepWeekly', 105],
    ['ami', 'ami-1'],
    ['autoApproveDevices', 'yes'],
    ['logRetentionDays', 2],
    ['alarmEmail', 'nobody'],
    ['repository', 'octocat'],
    ['repository', 'octocat/my repo'],
    ['githubProvider', 'mine'],
    ['instancetype', 't4g.small'],
  ])('refuses %s=%j, as the settings do', (key, value) => {
    expect(validate({ [key]: value })).toBe(false);
    expect(() => parseConfig({ az: 'me-central-1a', [key]: value })).toThrow(ConfigError);
  });
});

test('the example is allowed, and git keeps it, the schema, and no other', () => {
  expect(() => parseConfig({ stack: 'example' }, readSettingsFile(REPOSITORY, 'example', undefined))).not.toThrow();
  const names = ['example.json', 'settings.schema.json', 'prod.json'].map((name) => `deployments/${name}`);
  const ignored = execFileSync('git', ['check-ignore', '--no-index', ...names], { cwd: REPOSITORY, encoding: 'utf8' });
  expect(ignored).toBe('deployments/prod.json\n');
});
