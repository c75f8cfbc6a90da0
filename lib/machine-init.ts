import { readdirSync, readFileSync, statSync } from 'node:fs';
import * as path from 'node:path';
import { aws_ec2 as ec2 } from 'aws-cdk-lib';

export interface MachineInitProps {
  /** Variables of /etc/openclaw/machine.env: the deployment's names, no secret. */
  readonly environment: Readonly<Record<string, string>>;
}

const MACHINE = path.join(__dirname, '..', 'assets', 'machine');

// Not on Amazon Linux 2023's standard AMI, or not promised to be there.
const PACKAGES = ['amazon-cloudwatch-agent', 'bzip2', 'cryptsetup', 'docker', 'jq', 'python3-boto3'];

/**
 * What cfn-init makes of a fresh instance, in three steps: the files of assets/machine at the same places with the
 * health check that gets a machine replaced whatever goes wrong after it; packages, and logs on their way before OpenClaw
 * starts, so that a boot that fails can be read; OpenClaw, whose first start takes until the gateway is ready, and fails
 * cfn-init, and so the deploy, if it does not get ready.
 */
export function machineInit(props: MachineInitProps): ec2.CloudFormationInit {
  const command = (line: string, key: string) => ec2.InitCommand.shellCommand(line, { key });
  return ec2.CloudFormationInit.fromConfigSets({
    configSets: { default: ['machine', 'packages', 'gateway'] },
    configs: {
      machine: new ec2.InitConfig([
        ...machineFiles(MACHINE),
        ec2.InitFile.fromString('/etc/openclaw/machine.env', environmentFile(props.environment)),
        command('systemctl daemon-reload', '1-units'),
        command('systemd-tmpfiles --create', '2-directories'),
        // Units whose sandbox is read-only would compile the same modules at every start.
        command('python3 -m compileall -q /usr/local/lib/openclaw', '3-bytecode'),
        systemd('openclaw-health.timer'),
      ]),
      packages: new ec2.InitConfig([
        ...PACKAGES.map((name) => ec2.InitPackage.yum(name)),
        command('systemctl daemon-reload', '1-units'),
        systemd('docker'),
        systemd('openclaw-cloudwatch'),
      ]),
      // Commands come before services: here the service runs already and is enabled for the boots to come.
      gateway: new ec2.InitConfig([
        command('/usr/local/libexec/openclaw/first-start', '1-first-start'),
        systemd('openclaw'),
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
  return ec2.InitFile.fromFileInline(`/${name}`, source, {
    mode: executable ? '000755' : '000644',
    // CloudFormation turns what is not ASCII into question marks.
    base64Encoded: !isAscii(readFileSync(source)),
  });
}

function isAscii(content: Buffer): boolean {
  return content.every((byte) => byte < 0x80);
}

function environmentFile(environment: Readonly<Record<string, string>>): string {
  return Object.entries(environment)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}
