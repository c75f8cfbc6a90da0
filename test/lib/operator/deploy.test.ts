import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { NO_STACK, pausedGroup, REGION, stackToldOf, useDeployment } from './support/deployment-on-loopback';

// The first test of each kind loads the CDK.
jest.setTimeout(60_000);

const root = mkdtempSync(join(tmpdir(), 'openclaw-deploy-'));
const called = join(root, 'called');
const deployment = useDeployment();
beforeAll(() => {
  writeFileSync(join(root, 'cdk.json'), '{}');
  for (const directory of ['deployments', 'node_modules/.bin']) mkdirSync(join(root, directory), { recursive: true });
  const cdk = join(root, 'node_modules', '.bin', 'cdk');
  writeFileSync(
    cdk,
    `#!/bin/sh\nprintf '%s\\0' "$CDK_IMPORT_EXISTING_RESOURCES" "$@" >${called}\nexit \${CDK_ENDS:-0}\n`,
  );
  chmodSync(cdk, 0o755);
});
afterEach(() => {
  for (const file of [called, join(root, 'deployments', 'dev.json')]) rmSync(file, { force: true });
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

const AZ = `${REGION}a`;
const FILES = { REGION: '', OPENCLAW_SETTINGS_DIR: 'deployments' };

/** Runs it on a deployment that was told `told` last; `answer` is a person's at a terminal. */
async function deploy(
  args: string[],
  {
    told,
    answer,
    ends = 0,
    paused = false,
  }: { told?: Record<string, string>; answer?: string; ends?: number; paused?: boolean } = {},
) {
  deployment.answers = {
    DescribeStacks: told ? stackToldOf(told) : NO_STACK,
    ...(paused && { DescribeAutoScalingGroups: pausedGroup('2026-11-22T23:00:00Z') }),
  };
  const input = new PassThrough();
  if (answer !== undefined) input.write(`${answer}\n`);
  const terminal = answer !== undefined && { terminal: true, input };
  const result = await deployment.run(
    ['deploy', ...args],
    { CDK_ENDS: String(ends), OPENCLAW_SETTINGS_DIR: 'deployments' },
    { root, ...terminal },
  );
  return { ...result, cdk: existsSync(called) ? readFileSync(called, 'utf8').split('\0').slice(0, -1) : undefined };
}

describe('deploy', () => {
  test('runs the CDK with what it was told, and adopts a bucket that is there', async () => {
    const { status, cdk } = await deploy(['--az', AZ, '-c', 'market=on-demand', '--', '--no-rollback']);
    expect([status, cdk]).toEqual([0, ['true', 'deploy', '-c', `az=${AZ}`, '-c', 'market=on-demand', '--no-rollback']]);
  });

  test('of a deployment that is paused says what it cannot show', async () => {
    const { status, said, cdk } = await deploy(['--az', AZ], { paused: true });
    expect([status, cdk]).toEqual([0, ['true', 'deploy', '-c', `az=${AZ}`]]);
    expect(said).toEqual([
      'openclaw-dev: paused since 2026-11-22T23:00:00Z, until `resume`: this deploy launches no machine, and cannot show that one gets ready',
    ]);
  });

  test('ends as the CDK does', async () => {
    expect(await deploy(['--az', AZ], { ends: 3 })).toMatchObject({ status: 1 });
  });

  test('reads the settings file of the deployment', async () => {
    writeFileSync(join(root, 'deployments', 'dev.json'), `{"az": "${AZ}", "image": "a/b:1"}`);
    const { status, cdk } = await deploy([], { told: { az: AZ, image: 'a/b:1' } });
    expect([status, cdk]).toEqual([0, ['true', 'deploy']]);
  });

  test('refuses settings that are not allowed before anything is asked', async () => {
    writeFileSync(join(root, 'deployments', 'dev.json'), `{"az": "${AZ}", "imag": "a/b:1"}`);
    const { status, said, cdk } = await deploy(['-c', 'market=cheap']);
    expect([status, cdk, deployment.actions]).toEqual([2, undefined, []]);
    expect(said).toEqual([
      expect.stringMatching(/^error: deployments\/dev\.json: unknown configuration key 'imag' .* Did you mean image\?/),
      "error: market must be spot or on-demand, got 'cheap'",
    ]);
  });
});

describe('a deploy that would take settings back', () => {
  const told = { az: AZ, image: 'ghcr.io/a/b:2', market: 'on-demand', backup: 'mirror', alarmEmail: 'ops@example.com' };

  test('is refused without a terminal, with what it would take back', async () => {
    const { status, said, cdk } = await deploy(['--az', AZ, '-c', 'backup=snapshots'], { told });
    expect([status, cdk]).toEqual([2, undefined]);
    expect(said).toEqual([
      'the last deploy of openclaw-dev was told what this one is not, and takes back:',
      '  image=ghcr.io/a/b:2',
      '  market=on-demand',
      '  alarmEmail=ops@example.com',
      'to keep it: -c image=ghcr.io/a/b:2, or a line in deployments/dev.json',
      'error: Deploy without it? Without a terminal say so with --yes',
    ]);
  });

  test.each([
    ['y', 0, true],
    ['n', 1, false],
    ['', 1, false],
  ])('asks a person, and takes %j as an answer', async (answer, expected, deployed) => {
    const { status, cdk } = await deploy(['--az', AZ], { told, answer });
    expect([status, cdk !== undefined]).toEqual([expected, deployed]);
  });

  test('is done where it was said so, and then asks nothing about permissions either', async () => {
    const { status, cdk } = await deploy(['--az', AZ, '--yes'], { told });
    expect([status, cdk]).toEqual([0, ['true', 'deploy', '-c', `az=${AZ}`, '--require-approval', 'never']]);
  });

  test('is none where each is told, as it was or otherwise', async () => {
    const settings = ['image=ghcr.io/a/b:3', 'market=spot', 'backup=mirror', 'alarmEmail=eve@example.com'];
    const { status, said } = await deploy(['--az', AZ, ...settings.flatMap((text) => ['-c', text])], { told });
    expect([status, said]).toEqual([0, []]);
  });
});

test('a command finds the region of a deployment in its settings file', async () => {
  writeFileSync(join(root, 'deployments', 'dev.json'), '{"az": "eu-west-1b"}');
  await deployment.run(['replace'], FILES, { root });
  expect(deployment.asked[0]).toMatchObject({ action: 'DescribeAutoScalingGroups', region: 'eu-west-1' });
  writeFileSync(join(root, 'deployments', 'dev.json'), '{"az": ');
  expect(await deployment.run(['replace'], FILES, { root })).toMatchObject({
    status: 2,
    said: [expect.stringMatching(/^error: deployments\/dev\.json must be JSON/)],
  });
});
