import { EXIT, UsageError } from '../errors';
import { findMachine } from '../machine';
import { holdSignals, openSession } from '../session/session';
import { command, type Definition } from './definition';

const shell: Definition = {
  command: command({
    usage: 'shell',
    summary: 'a shell on the machine',
    description:
      'Opens a shell on the machine, as a user who may use sudo. It needs a terminal: for scripts there is `run`.',
    examples: ['shell --region me-central-1'],
  }),
  work: async (context) => {
    if (!context.world.terminal) {
      throw new UsageError(['a shell needs a terminal; for one command without: run -- COMMAND']);
    }
    const deployment = await context.deployment();
    const { id } = await findMachine(deployment);
    const child = await openSession(deployment, context.world, id, 'inherit');
    const restore = holdSignals();
    await new Promise<void>((resolve, reject) => {
      child.on('close', () => {
        resolve();
      });
      child.on('error', reject);
    }).finally(restore);
    return EXIT.done;
  },
};

export const SHELL_COMMANDS: readonly Definition[] = [shell];
