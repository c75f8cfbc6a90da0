import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { machineFiles } from '../../../lib/constructs/machine-init';
import { only, REPOSITORY, synthesize, testApp } from '../support/synthesize';

interface InitFile {
  /** Joined from references where it holds what only CloudFormation knows. */
  readonly content: string | { readonly 'Fn::Join': [string, unknown[]] };
  readonly encoding: string;
  readonly mode: string;
  readonly owner: string;
  readonly group: string;
}
interface Step {
  readonly packages?: { readonly yum: Record<string, string[]> };
  readonly files?: Record<string, InitFile>;
  readonly commands?: Record<string, { readonly command: string; readonly ignoreErrors?: boolean }>;
  readonly services: { readonly systemd: Record<string, object> };
}
interface Init {
  readonly configSets: Record<string, string[]>;
  readonly machine: Step & { readonly files: Record<string, InitFile> };
  readonly software: Step;
}

function initOf(context: Record<string, unknown> = {}): Init {
  const group = only(synthesize(context), 'AWS::AutoScaling::AutoScalingGroup');
  return group.Metadata?.['AWS::CloudFormation::Init'] as Init;
}

function textOf(file: InitFile | undefined): string {
  if (!file) throw new Error('no such file on the machine');
  const text =
    typeof file.content === 'string'
      ? file.content
      : file.content['Fn::Join'][1].map((part) => (typeof part === 'string' ? part : '<reference>')).join('');
  return file.encoding === 'base64' ? Buffer.from(text, 'base64').toString() : text;
}

const init = initOf();

/** The lines that cfn-init runs in a step: in the order of their keys, after files and before services. */
function commandsOf(step: Step): string[] {
  return Object.entries(step.commands ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { command }]) => command);
}

describe('order', () => {
  const running = { enabled: true, ensureRunning: true };

  test('what gets a broken machine replaced comes before all that can fail', () => {
    expect(init.configSets).toEqual({ machine: ['machine'], software: ['software'] });
    expect(init.machine.packages).toBeUndefined();
    expect(init.machine.services).toEqual({ systemd: { 'openclaw-health.timer': running } });
  });

  test('only what OpenClaw cannot run without can end cfn-init', () => {
    expect(Object.keys(init.software.packages?.yum ?? {})).toEqual(['bzip2', 'docker', 'jq', 'python3-boto3']);
    expect(init.software.services).toEqual({ systemd: { 'openclaw-extras.timer': running } });
  });

  test('units and directories are made known before services start, and nobody else can make that fail', () => {
    expect(commandsOf(init.machine)).toEqual([
      'rm -f /etc/systemd/system-generators/*.bak',
      'systemctl daemon-reload',
      'systemd-tmpfiles --create openclaw.conf',
      'python3 -m compileall -q /usr/local/lib/openclaw',
    ]);
    expect(commandsOf(init.software)).toEqual(['systemctl daemon-reload', 'systemctl enable docker.service']);
    const ignored = Object.entries(init.machine.commands ?? {}).filter(([, { ignoreErrors }]) => ignoreErrors === true);
    expect(ignored.map(([key]) => key)).toEqual(['4-bytecode']);
  });

  test('every service is a unit of the machine', () => {
    const ours = Object.keys(init.machine.files).map((file) => path.basename(file, '.service'));
    const names = [init.machine, init.software].flatMap(({ services }) => Object.keys(services.systemd));
    expect(names.filter((name) => !ours.includes(name))).toEqual([]);
  });
});

describe('files', () => {
  const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', 'assets/machine'], {
    cwd: REPOSITORY,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((name) => name !== '')
    .map((name) => path.relative('assets/machine', name));

  test('are those of assets/machine and machine.env, no more and no less', () => {
    expect(Object.keys(init.machine.files).sort()).toEqual(
      [...tracked.map((name) => `/${name}`), '/etc/openclaw/machine.env'].sort(),
    );
  });

  test('arrive unchanged, with their mode', () => {
    for (const name of tracked) {
      const source = path.join(REPOSITORY, 'assets', 'machine', name);
      const file = init.machine.files[`/${name}`];
      expect([name, textOf(file)]).toEqual([name, readFileSync(source, 'utf8')]);
      const mode = (statSync(source).mode & 0o100) !== 0 ? '000755' : '000644';
      expect([name, file?.mode, file?.owner, file?.group]).toEqual([name, mode, 'root', 'root']);
    }
  });

  test('hold no dynamic reference, which CloudFormation would resolve into the template', () => {
    for (const file of Object.values(init.machine.files)) expect(textOf(file)).not.toContain('{{resolve:');
  });
});

describe('machine.env', () => {
  const env = (context: Record<string, unknown> = {}) =>
    textOf(initOf(context).machine.files['/etc/openclaw/machine.env']);

  test('names the deployment', () => {
    expect(env()).toBe(
      [
        'STACK=dev',
        'AWS_REGION=me-central-1',
        'AWS_DEFAULT_REGION=me-central-1',
        'PARAMETER_PATH=/openclaw/dev',
        'IMAGE=ghcr.io/openclaw/openclaw:2026.9.6',
        'BACKUP=snapshots',
        'BACKUP_INTERVAL_MINUTES=20',
        'BACKUP_KEEP_HOURLY=24',
        'BACKUP_KEEP_DAILY=7',
        'BACKUP_KEEP_WEEKLY=4',
        'STATE_BUCKET=openclaw-backup-dev-123456789012-me-central-1',
        'ACCOUNT_ID=123456789012',
        'METRIC_NAMESPACE=OpenClaw/dev',
        'OBSERVABILITY=lean',
        'LOG_GROUP_PREFIX=/openclaw/dev',
        'GROUP_NAME=openclaw-dev',
        'ALARM_TOPIC=<reference>',
        'AUTO_APPROVE_DEVICES=false',
        'LAUNCHED_AS=me-central-1a,t4g.small,spot,,standard,15,latest',
        '',
      ].join('\n'),
    );
  });

  test('has no bucket with backup=off', () => {
    expect(env({ backup: 'off' })).toMatch(/^BACKUP=off\n(?:BACKUP_.*\n)*STATE_BUCKET=\n/m);
  });

  test('follows the configuration', () => {
    const content = env({
      az: 'eu-west-1b',
      stack: 'prod',
      image: 'openclaw/openclaw:1',
      backup: 'mirror',
      backupIntervalMinutes: 5,
      autoApproveDevices: true,
    });
    for (const line of [
      'STACK=prod',
      'AWS_REGION=eu-west-1',
      'PARAMETER_PATH=/openclaw/prod',
      'IMAGE=openclaw/openclaw:1',
      'BACKUP=mirror',
      'BACKUP_INTERVAL_MINUTES=5',
      'STATE_BUCKET=openclaw-backup-prod-123456789012-eu-west-1',
      'AUTO_APPROVE_DEVICES=true',
    ]) {
      expect(content.split('\n')).toContain(line);
    }
  });
});

describe('machineFiles', () => {
  const root = mkdtempSync(path.join(tmpdir(), 'machine-'));
  afterAll(() => {
    rmSync(root, { recursive: true });
  });

  test('takes no file without content, which cfn-init refuses on the machine', () => {
    const empty = mkdtempSync(path.join(root, 'empty-'));
    writeFileSync(path.join(empty, 'file'), '');
    expect(() => machineFiles(empty)).toThrow(`${empty}/file must not be empty`);
    rmSync(empty, { recursive: true });
  });

  test('takes what is there, but for what Python leaves behind', () => {
    mkdirSync(path.join(root, 'usr/bin/__pycache__'), { recursive: true });
    writeFileSync(path.join(root, 'usr/bin/run'), '#!/bin/sh\necho "${HOME}"\n');
    chmodSync(path.join(root, 'usr/bin/run'), 0o755);
    writeFileSync(path.join(root, 'usr/bin/__pycache__/run.cpython-311.pyc'), 'x');
    writeFileSync(path.join(root, 'usr/bin/old.pyc'), 'x');
    writeFileSync(path.join(root, '.hidden'), 'Grüße\n');

    const rendered = render(machineFiles(root));

    expect(rendered).toEqual({
      '/.hidden': expect.objectContaining({
        content: Buffer.from('Grüße\n').toString('base64'),
        encoding: 'base64',
        mode: '000644',
      }) as InitFile,
      '/usr/bin/run': expect.objectContaining({
        content: '#!/bin/sh\necho "${HOME}"\n',
        encoding: 'plain',
        mode: '000755',
      }) as InitFile,
    });
  });
});

function render(files: ec2.InitFile[]): Record<string, InitFile> {
  const stack = new Stack(testApp(), 'Test');
  const instance = new ec2.CfnInstance(stack, 'Instance');
  ec2.CloudFormationInit.fromElements(...files).attach(instance, {
    platform: ec2.OperatingSystemType.LINUX,
    instanceRole: new Role(stack, 'Role', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') }),
    userData: ec2.UserData.forLinux(),
  });
  return (instance.getMetadata('AWS::CloudFormation::Init') as { config: { files: Record<string, InitFile> } }).config
    .files;
}
