import { CfnOutput, Stack, type StackProps, Tags } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Config } from './config/config';
import { DeleteWatch } from './constructs/delete-watch';
import { SingleInstanceGroup } from './constructs/single-instance-group';
import { InstanceRole } from './constructs/instance-role';
import { machineInit } from './constructs/machine-init';
import { Network } from './constructs/network';
import { Observability } from './constructs/observability';
import { StateBucket } from './constructs/state-bucket';

export interface OpenClawStackProps extends StackProps {
  /** The deployment; its zone decides the stack's region. */
  readonly config: Config;
}

/** One deployment of OpenClaw. */
export class OpenClawStack extends Stack {
  private readonly config: Config;

  constructor(scope: Construct, id: string, props: OpenClawStackProps) {
    super(scope, id, props);
    const { config } = props;
    this.config = config;
    Tags.of(this).add('openclaw:stack', config.stack);

    const groupName = `openclaw-${config.stack}`;
    const parameterPath = `/openclaw/${config.stack}`;
    const metricNamespace = `OpenClaw/${config.stack}`;
    const backsUp = config.backup !== 'off';

    const stateBucket =
      config.backup === 'off' ? undefined : new StateBucket(this, 'State', { ...config, engine: config.backup });
    const observability = new Observability(this, 'Observability', {
      groupName,
      logGroupPrefix: parameterPath,
      logRetention: config.logRetention,
      observability: config.observability,
      flowLogs: config.flowLogs,
      metricNamespace,
      backupIntervalMinutes: backsUp ? config.backupIntervalMinutes : undefined,
      alarmEmail: config.alarmEmail,
      paysForCpu: config.cpuCredits === 'unlimited',
    });
    if (stateBucket) {
      new DeleteWatch(this, 'DeleteWatch', {
        bucketName: stateBucket.bucketName,
        backupIntervalMinutes: config.backupIntervalMinutes,
        topic: observability.topic,
      });
    }
    const network = new Network(this, 'Network', {
      availabilityZone: config.availabilityZone,
      flowLogs: stateBucket && config.flowLogs === 's3' ? stateBucket.flowLogs() : observability.flowLogs,
    });
    const { role } = new InstanceRole(this, 'Machine', {
      parameterPath,
      logGroups: observability.machineLogs,
      metricNamespace,
      groupName,
      stateBucket,
      imageRepository: config.image.ecr,
    });
    // The machine tells where it moved to, and why; with observability=lean of faults too.
    observability.topic.grantPublish(role);
    const init = machineInit({
      environment: {
        STACK: config.stack,
        AWS_REGION: config.region,
        AWS_DEFAULT_REGION: config.region,
        PARAMETER_PATH: parameterPath,
        IMAGE: config.image.reference,
        BACKUP: config.backup,
        BACKUP_INTERVAL_MINUTES: String(config.backupIntervalMinutes),
        BACKUP_KEEP_HOURLY: String(config.backupKeepHourly),
        BACKUP_KEEP_DAILY: String(config.backupKeepDaily),
        BACKUP_KEEP_WEEKLY: String(config.backupKeepWeekly),
        STATE_BUCKET: stateBucket?.bucketName ?? '',
        ACCOUNT_ID: this.account,
        METRIC_NAMESPACE: metricNamespace,
        OBSERVABILITY: config.observability,
        LOG_GROUP_PREFIX: parameterPath,
        GROUP_NAME: groupName,
        ALARM_TOPIC: observability.topic.topicArn,
        AUTO_APPROVE_DEVICES: String(config.autoApproveDevices),
        // Lets a machine tell whether a deploy replaced its predecessor.
        LAUNCHED_AS: launchedAs(config),
      },
    });
    // Under this id, which is part of the launch template's: another one would replace the machine.
    new SingleInstanceGroup(this, 'GroupOfOne', {
      groupName,
      network,
      role,
      init,
      instanceType: config.instanceType,
      cpuCredits: config.cpuCredits,
      rootVolumeSizeGib: config.rootVolumeSizeGib,
      spot: config.market === 'spot' ? { maxPrice: config.maxPrice } : undefined,
      ami: config.ami,
      notifications: observability.topic,
      schedule: config.schedule,
      scheduleTimeZone: config.scheduleTimeZone,
    });

    if (stateBucket) this.output('StateBucket', 'Holds all state; a destroy leaves it', stateBucket.bucketName);
    this.output('GroupName', 'Auto Scaling group of the one machine', groupName);
    this.output('GatewayLogGroup', "OpenClaw's own log", observability.gatewayLog.logGroupName);
    const given = JSON.stringify(config.given);
    this.output('Settings', 'What this deployment was told, without the defaults', given);
    this.output('ConnectCommand', 'Run it, then open http://localhost:18789', connectCommand(config.region, groupName));
    this.output('TokenCommand', 'Prints the gateway token', tokenCommand(config.region, parameterPath));
  }

  /** The pinned zone alone; the default would look the account's zones up. */
  override get availabilityZones(): string[] {
    return [this.config.availabilityZone];
  }

  private output(id: string, description: string, value: string): void {
    new CfnOutput(this, id, { description, value });
  }
}

/** Launch settings that appear in none of the machine's files. */
function launchedAs(config: Config): string {
  const { availabilityZone, instanceType, market, maxPrice, cpuCredits, rootVolumeSizeGib, ami } = config;
  const capacity = [instanceType.toString(), market, maxPrice ?? '', cpuCredits ?? ''];
  return [availabilityZone, ...capacity, rootVolumeSizeGib, ami ?? 'latest'].join(',');
}

/** Finds the group's instance and forwards localhost:18789, the only origin that OpenClaw trusts, to its gateway. */
function connectCommand(region: string, groupName: string): string {
  const instance =
    `aws autoscaling describe-auto-scaling-groups --region ${region} --auto-scaling-group-names ${groupName}` +
    " --query 'AutoScalingGroups[0].Instances[?LifecycleState==`InService`]|[0].InstanceId' --output text";
  return (
    `aws ssm start-session --region ${region} --target "$(${instance})"` +
    ` --document-name AWS-StartPortForwardingSession` +
    ` --parameters '{"portNumber":["18789"],"localPortNumber":["18789"]}'`
  );
}

function tokenCommand(region: string, parameterPath: string): string {
  return (
    `aws ssm get-parameter --region ${region} --name ${parameterPath}/env/OPENCLAW_GATEWAY_TOKEN` +
    ' --with-decryption --query Parameter.Value --output text'
  );
}
