import { Argument, Command } from 'commander';
import type { Context } from '../context';

/** What a command's --help says. */
export interface About {
  /** The name, and the arguments in commander's form: `restore [snapshot]`. */
  readonly usage: string;
  /** One line. */
  readonly summary: string;
  /** Whole sentences. @default - the summary */
  readonly description?: string;
  /** What follows `npx openclaw-spot`. */
  readonly examples: readonly string[];
  /** Exit statuses beyond those that all commands have. */
  readonly exits?: readonly string[];
}

/** A command. */
export interface Definition {
  readonly command: Command;
  /** What it does; the result is the program's exit status. @default - it only has subcommands */
  readonly work?: (context: Context) => Promise<number>;
  /** @default - none */
  readonly subcommands?: readonly Definition[];
}

/** Of every command. */
const EXITS = [
  '0  done',
  '1  it could not be done: the lines on standard error say why',
  '2  the command line is wrong; nothing was asked or changed',
  '3  no such deployment, or it has no machine in service',
];

/** For commands that run on the machine. */
export const OF_THE_MACHINE = ['else, what the command on the machine ended with'];

/**
 * Makes a command with its help.
 * @param own - its own options; those that every command has follow
 */
export function command(
  { usage, summary, description = summary, examples, exits = [] }: About,
  own: (made: Command) => Command = (made) => made,
): Command {
  const [name = '', ...args] = usage.split(/ (?=[[<])/);
  const made = new Command(name).summary(summary).description(description).helpOption('-h, --help', 'show this text');
  for (const arg of args) made.addArgument(new Argument(arg));
  return own(made)
    .option('--stack <name>', 'deployment (default: STACK, stack in cdk.json, else dev)')
    .option('--region <region>', 'its region (default: REGION, az in the settings, else the AWS settings)')
    .option('--az <zone>', 'its availability zone, which says the region too (default: AZ)')
    .option('--json', 'data as JSON')
    .addHelpText(
      'after',
      [
        '',
        examples.length > 1 ? 'Examples:' : 'Example:',
        ...examples.map((example) => `  npx openclaw-spot ${example}`),
        '',
        'Exit status:',
        ...[...EXITS, ...exits].map((line) => `  ${line}`),
      ].join('\n'),
    );
}

/** Collects an option that can be given more than once. */
export const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value];
