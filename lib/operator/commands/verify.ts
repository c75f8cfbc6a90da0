import { EXIT } from '../errors';
import { table } from '../terminal/text';
import { verify as look } from '../verify';
import { command, type Definition } from './definition';

const verify: Definition = {
  command: command({
    usage: 'verify',
    summary: 'look, after a deploy, whether what only AWS can show is as it should be',
    description:
      'Looks, after a deploy, whether what only AWS can show is as it should be: session, metrics, logs, state bucket, a backup, ' +
      'a drill, the last boot. It makes a backup, and ends at the first difference.',
    examples: ['verify --region me-central-1', 'verify --stack prod --json'],
    exits: ['1, too, where something differs'],
  }),
  work: async (context) => {
    const deployment = await context.deployment();
    const rows = await look(deployment, context.world, ({ check, expected }) => {
      context.say(`${check}: ${expected}`);
    });
    const lines = rows.map(({ check, expected, seen, holds }) => [check, expected, `${holds ? '' : 'NOT: '}${seen}`]);
    context.show(table([['CHECK', 'EXPECTED', 'SEEN'], ...lines]), rows);
    return rows.every(({ holds }) => holds) ? EXIT.done : EXIT.failed;
  },
};

export const VERIFY_COMMANDS: readonly Definition[] = [verify];
