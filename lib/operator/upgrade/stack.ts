import type { StackEvent } from '@aws-sdk/client-cloudformation';
import { describeStack } from '../deployed-settings';
import type { Deployment } from '../deployment';

/** What became of a deploy that failed. */
export interface Outcome {
  /** Whether CloudFormation had begun to change anything. */
  readonly begun: boolean;
  /** CloudFormation's word, like `UPDATE_ROLLBACK_COMPLETE`. */
  readonly status: string;
  /** Whether a machine of the new template got ready, before the stack went back. */
  readonly served: boolean;
}

/** When the stack was last updated; before and after a deploy it tells whether that deploy has begun. */
export const lastUpdate = async (deployment: Deployment): Promise<number | undefined> =>
  (await describeStack(deployment))?.LastUpdatedTime?.getTime();

/** @param before - {@link lastUpdate} before the deploy */
export async function outcomeOf(deployment: Deployment, before: number | undefined): Promise<Outcome> {
  const { StackStatus: status = 'unknown', LastUpdatedTime: updated } = (await describeStack(deployment)) ?? {};
  if (updated?.getTime() === before) return { begun: false, status, served: false };
  return { begun: true, status, served: hadSuccess(await eventsOfUpdate(deployment)) };
}

const ofStack = ({ ResourceType }: StackEvent): boolean => ResourceType === 'AWS::CloudFormation::Stack';

/** Of the last update, the oldest first. */
async function eventsOfUpdate({ aws, group }: Deployment): Promise<StackEvent[]> {
  const events: StackEvent[] = [];
  let NextToken: string | undefined;
  do {
    const page = await aws.cloudFormation('DescribeStackEvents', (cloudFormation) =>
      cloudFormation.describeStackEvents({ StackName: group, NextToken }),
    );
    // The newest first.
    for (const event of page.StackEvents ?? []) {
      events.unshift(event);
      if (ofStack(event) && event.ResourceStatus === 'UPDATE_IN_PROGRESS') return events;
    }
    NextToken = page.NextToken;
  } while (NextToken);
  return events;
}

/** The group's update is complete only when its new machine has sent the signal that it is ready. */
function hadSuccess(events: readonly StackEvent[]): boolean {
  for (const event of events) {
    if (ofStack(event) && event.ResourceStatus === 'UPDATE_ROLLBACK_IN_PROGRESS') return false;
    if (event.ResourceType === 'AWS::AutoScaling::AutoScalingGroup' && event.ResourceStatus === 'UPDATE_COMPLETE')
      return true;
  }
  return false;
}
