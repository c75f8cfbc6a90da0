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

/** On a group that was paused: when, as ISO 8601. */
export const PAUSED_TAG = 'openclaw:paused';

/** What a pause suspends: no schedule ends it. */
export const SUSPENDED = ['ScheduledActions'];

/**
 * Since when the group is to have no machine, '' where that is not known: its schedule or a person has set the size.
 * Undefined where it is to have one. The tag says nothing where a schedule goes on: it may have ended that pause.
 */
export function pausedSince(group: AutoScalingGroup): string | undefined {
  if (group.DesiredCapacity !== 0) return undefined;
  const held = group.SuspendedProcesses?.some(({ ProcessName = '' }) => SUSPENDED.includes(ProcessName));
  const at = (held ? group.Tags?.find(({ Key }) => Key === PAUSED_TAG)?.Value : undefined) ?? '';
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(at) ? at : '';
}

/** What the group has in place of a machine in service, in words. */
export function whyNone(group: AutoScalingGroup): string {
  const others = (group.Instances ?? []).map(({ InstanceId, LifecycleState }) => `${InstanceId} is ${LifecycleState}`);
  const paused = pausedSince(group);
  const until =
    paused === undefined ? [] : [`paused ${paused ? `since ${paused}` : 'by a schedule or by hand'}, until \`resume\``];
  const found = [...others, ...until];
  return found.length > 0 ? found.join(', ') : `its group wants ${group.DesiredCapacity ?? 0} and has none`;
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
