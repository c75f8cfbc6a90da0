import type { Stack } from '@aws-sdk/client-cloudformation';
import { AwsCallError } from './aws/calls';
import type { Deployment } from './deployment';

type Settings = Readonly<Record<string, string>>;

/**
 * What the last deploy was told, as its stack records it.
 * @returns undefined where nothing is deployed, or by a version that recorded nothing
 */
export async function deployedSettings(deployment: Deployment): Promise<Settings | undefined> {
  const stack = await describeStack(deployment);
  const output = stack?.Outputs?.find(({ OutputKey }) => OutputKey === 'Settings');
  return output?.OutputValue === undefined ? undefined : (JSON.parse(output.OutputValue) as Settings);
}

/** The deployment's stack, or undefined where there is none. */
export async function describeStack({ aws, group }: Deployment): Promise<Stack | undefined> {
  try {
    const { Stacks: [stack] = [] } = await aws.cloudFormation('DescribeStacks', (cloudFormation) =>
      cloudFormation.describeStacks({ StackName: group }),
    );
    return stack;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Whether CloudFormation knows no such stack: it says so in words alone. */
export function isAbsent(error: unknown): boolean {
  return (
    error instanceof AwsCallError &&
    error.code === 'ValidationError' &&
    (error.cause as Error).message.includes('does not exist')
  );
}

/**
 * What a deploy would take back: settings of the last one that this one is not told, one line each. What it is told
 * otherwise, somebody wants otherwise.
 */
export function takenBack(deployed: Settings | undefined, given: Settings): string[] {
  return Object.entries(deployed ?? {})
    .filter(([key]) => !(key in given))
    .map(([key, value]) => `${key}=${value}`);
}
