import { EXIT } from '../errors';
import { findMachine } from '../machine';
import { command, type Definition } from './definition';

const replace: Definition = {
  command: command({
    usage: 'replace',
    summary: 'end the machine in good order; its group launches another, which restores the state',
    examples: ['replace --region me-central-1'],
  }),
  work: async (context) => {
    const deployment = await context.deployment();
    const { id } = await findMachine(deployment);
    await deployment.aws.autoScaling('TerminateInstanceInAutoScalingGroup', (autoScaling) =>
      autoScaling.terminateInstanceInAutoScalingGroup({ InstanceId: id, ShouldDecrementDesiredCapacity: false }),
    );
    context.show(
      `${id} saves the state and ends; ${deployment.group} then launches its replacement, which restores it.\n` +
        `To follow:  npx openclaw-spot status --watch ${deployment.options}\n`,
      { ended: id, group: deployment.group },
    );
    return EXIT.done;
  },
};

export const REPLACE_COMMANDS: readonly Definition[] = [replace];
