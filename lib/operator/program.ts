import { Command, CommanderError } from 'commander';
import { Clients } from './aws/clients';
import { linesFor, type RegionsApi } from './aws/explain';
import { ADOPT_COMMANDS } from './commands/adopt';
import type { Definition } from './commands/definition';
import { CONNECT_COMMANDS } from './commands/connect';
import { costCommand } from './commands/cost';
import { DEPLOY_COMMANDS } from './commands/deploy';
import { DESTROY_COMMANDS } from './commands/destroy';
import { DIFF_COMMANDS } from './commands/diff';
import { DOCTOR_COMMANDS } from './commands/doctor';
import { LOGS_COMMANDS } from './commands/logs';
import { MACHINE_COMMANDS } from './commands/machine';
import { PAUSE_COMMANDS } from './commands/pause';
import { pricesCommand } from './commands/prices';
import { REPLACE_COMMANDS } from './commands/replace';
import { RESTORE_COMMANDS } from './commands/restore';
import { ROLLBACK_COMMANDS } from './commands/rollback';
import { SECRETS_COMMANDS } from './commands/secrets';
import { SHELL_COMMANDS } from './commands/shell';
import { SNAPSHOTS_COMMANDS } from './commands/snapshots';
import { STATUS_COMMANDS } from './commands/status';
import { UNDELETE_COMMANDS } from './commands/undelete';
import { UPGRADE_COMMANDS } from './commands/upgrade';
import { VERIFY_COMMANDS } from './commands/verify';
import { Context, type Common } from './context';
import { EXIT, Failure, UsageError } from './errors';
import type { World } from './world';

/** Every command, in the order of the help. */
export const DEFINITIONS: readonly Definition[] = [
  pricesCommand(),
  costCommand(),
  ...DOCTOR_COMMANDS,
  ...DIFF_COMMANDS,
  ...DEPLOY_COMMANDS,
  ...UPGRADE_COMMANDS,
  ...ROLLBACK_COMMANDS,
  ...STATUS_COMMANDS,
  ...VERIFY_COMMANDS,
  ...CONNECT_COMMANDS,
  ...LOGS_COMMANDS,
  ...SECRETS_COMMANDS,
  ...SNAPSHOTS_COMMANDS,
  ...RESTORE_COMMANDS,
  ...UNDELETE_COMMANDS,
  ...ADOPT_COMMANDS,
  ...MACHINE_COMMANDS,
  ...SHELL_COMMANDS,
  ...REPLACE_COMMANDS,
  ...PAUSE_COMMANDS,
  ...DESTROY_COMMANDS,
];

// The same wherever it is shown, so that docs/operator.md can be held to it.
const HELP_WIDTH = 110;

/** The command line of openclaw-spot. @param act - runs a command's work */
function commandLine(
  definitions: readonly Definition[],
  world: World,
  act: (definition: Definition, command: Command) => Promise<void>,
): Command {
  const program = new Command('openclaw-spot')
    .description('Looks after deployments of OpenClaw on EC2 spot instances. Each command has a --help of its own.')
    .helpOption('-h, --help', 'show this text')
    .helpCommand(false)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      getOutHelpWidth: () => HELP_WIDTH,
      writeOut: world.out,
      writeErr: (text) => {
        world.say(text.trimEnd());
      },
    });
  for (const definition of definitions) {
    const { command, subcommands = [] } = definition;
    program.addCommand(command.copyInheritedSettings(program));
    for (const one of [definition, ...subcommands]) {
      one.command.copyInheritedSettings(program);
      if (one.work) one.command.action(() => act(one, one.command));
    }
  }
  return program;
}

async function explained(error: unknown, world: World, regions: typeof regionsOf): Promise<number> {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  const say = (lines: readonly string[], status: number) => {
    for (const line of lines) world.say(`error: ${line}`);
    return status;
  };
  if (error instanceof UsageError) return say(error.faults, EXIT.usage);
  if (error instanceof Failure) return say(error.lines, error.status);
  return say(await linesFor(error, regions), EXIT.failed);
}

function regionsOf(region: string): RegionsApi {
  const { ec2 } = new Clients(region);
  return { describeRegions: (input) => ec2('DescribeRegions', (client) => client.describeRegions(input)) };
}

/**
 * The whole program.
 * @param args - without those of Node.js
 * @param parts - its commands, and the API that lists AWS' regions
 * @returns its exit status
 */
export async function run(
  args: readonly string[],
  world: World,
  { definitions, regions } = { definitions: DEFINITIONS, regions: regionsOf },
): Promise<number> {
  let status: number = EXIT.done;
  const program = commandLine(definitions, world, async ({ work }, command) => {
    const context = new Context(world, command.optsWithGlobals<Common>(), command.args);
    status = (await work?.(context)) ?? EXIT.done;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return status;
  } catch (error) {
    return explained(error, world, regions);
  }
}
