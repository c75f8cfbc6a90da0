import { isAscii } from 'node:buffer';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import * as path from 'node:path';
import { aws_ec2 as ec2 } from 'aws-cdk-lib';

export interface MachineInitProps {
  /** Variables of /etc/openclaw/machine.env: the deployment's names, no secret. */
  readonly environment: Readonly<Record<string, string>>;
}

const MACHINE = path.join(__dirname, '..', '..', 'assets', 'machine');

// What OpenClaw cannot run without, where it is not on Amazon Linux 2023's standard AMI or not promised to be there. What it
// is only better with, openclaw-extras.service installs: a package that cannot be had ends cfn-init.
const PACKAGES = ['bzip2', 'docker', 'jq', 'python3-boto3'];

/**
 * What cfn-init makes of a fresh instance, in two config sets that user data asks for one after the other (user-data.sh):
 * `machine`, the files of assets/machine at the same places, with the health check that gets a machine replaced whatever
 * goes wrong after it; `software`, its packages and what they bring.
 */
export function machineInit(props: MachineInitProps): ec2.CloudFormationInit {
  const command = (line: string, key: string, ignoreErrors?: boolean) =>
    ec2.InitCommand.shellCommand(line, { key, ignoreErrors });
  return ec2.CloudFormationInit.fromConfigSets({
    configSets: { machine: ['machine'], software: ['software'] },
    configs: {
      machine: new ec2.InitConfig([
        ...machineFiles(MACHINE),
        ec2.InitFile.fromString('/etc/openclaw/machine.env', environmentFile(props.environment)),
        // cfn-init leaves the former file beside each that it writes again, and systemd would run a former generator too.
        command('rm -f /etc/systemd/system-generators/*.bak', '1-leftovers'),
        command('systemctl daemon-reload', '2-units'),
        // By its name: without one, a rule of anybody's that fails would fail this.
        command('systemd-tmpfiles --create openclaw.conf', '3-directories'),
        // Units whose sandbox is read-only would compile the same modules at every start.
        command('python3 -m compileall -q /usr/local/lib/openclaw', '4-bytecode', true),
        systemd('openclaw-health.timer'),
      ]),
      software: new ec2.InitConfig([
        ...PACKAGES.map((name) => ec2.InitPackage.yum(name)),
        command('systemctl daemon-reload', '1-units'),
        // Started with OpenClaw: first-start tells what Docker said where it fails, cfn-init only that it did.
        command('systemctl enable docker.service', '2-docker'),
        systemd('openclaw-extras.timer'),
      ]),
    },
  });
}

function systemd(name: string): ec2.InitService {
  return ec2.InitService.enable(name, { serviceManager: ec2.ServiceManager.SYSTEMD });
}

/** One init file for each file below a directory that mirrors the machine's root, sorted by path. */
export function machineFiles(root: string): ec2.InitFile[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('__pycache__') && !entry.name.endsWith('.pyc'))
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
    .sort()
    .map((name) => machineFile(root, name));
}

function machineFile(root: string, name: string): ec2.InitFile {
  const source = path.join(root, name);
  const executable = (statSync(source).mode & 0o100) !== 0;
  const content = readFileSync(source);
  if (content.length === 0) throw new Error(`${source} must not be empty: cfn-init refuses a file without content`);
  return ec2.InitFile.fromFileInline(`/${name}`, source, {
    mode: executable ? '000755' : '000644',
    // CloudFormation turns what is not ASCII into question marks.
    base64Encoded: !isAscii(content),
  });
}

function environmentFile(environment: Readonly<Record<string, string>>): string {
  return Object.entries(environment)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}
