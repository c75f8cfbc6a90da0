import type { AutoScalingGroup } from '@aws-sdk/client-auto-scaling';
import type { Deployment } from './deployment';
import { EXIT, Failure } from './errors';

export interface Machine {
  /** Instance id. */
  readonly id: string;
  readonly type: string;
  readonly zone: string;
}

/** The deployment's group of one, or undefined where there is no such deployment. */
export async function findGroup({ aws, group }: Deployment): Promise<AutoScalingGroup | undefined> {
  const { AutoScalingGroups: found } = await aws.autoScaling('DescribeAutoScalingGroups', (autoScaling) =>
    autoScaling.describeAutoScalingGroups({ AutoScalingGroupNames: [group] }),
  );
  return found?.[0];
}

/** The machine in service among the group's. */
export function inService(group: AutoScalingGroup | undefined): Machine | undefined {
  const found = group?.Instances?.find(({ LifecycleState }) => LifecycleState === 'InService');
  if (found?.InstanceId === undefined) return undefined;
  return { id: found.InstanceId, type: found.InstanceType ?? '', zone: found.AvailabilityZone ?? '' };
}

/** What the group has in place of a machine in service, in words. */
export function whyNone(group: AutoScalingGroup): string {
  const others = (group.Instances ?? []).map(({ InstanceId, LifecycleState }) => `${InstanceId} is ${LifecycleState}`);
  return others.length > 0 ? others.join(', ') : `its group wants ${group.DesiredCapacity ?? 0} and has none`;
}

/** @throws Failure where there is no such deployment, or where it has no machine in service */
export async function findMachine(deployment: Deployment): Promise<Machine> {
  const group = await findGroup(deployment);
  if (!group) throw noSuchDeployment(deployment);
  const machine = inService(group);
  if (!machine) {
    const { group: name, region } = deployment;
    throw new Failure([`no machine of ${name} is in service in ${region}: ${whyNone(group)}`], EXIT.nothingThere);
  }
  return machine;
}

export function noSuchDeployment({ group, region }: Deployment): Failure {
  return new Failure(
    [
      `no such deployment: ${region} has no group ${group}; STACK and REGION (--stack, --region) must name a deployment`,
    ],
    EXIT.nothingThere,
  );
}
