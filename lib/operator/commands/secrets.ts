import { randomBytes } from 'node:crypto';
import { AwsCallError } from '../aws/calls';
import type { Context } from '../context';
import { EXIT, Failure, UsageError } from '../errors';
import { prompt } from '../terminal/prompt';
import { table, utc } from '../terminal/text';
import type { World } from '../world';
import { command, OF_THE_MACHINE, type Definition } from './definition';
import { onMachine, RELOAD } from './machine';

/** Made by the machine where there is none. */
const TOKEN = 'OPENCLAW_GATEWAY_TOKEN';
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Of a standard parameter, which costs nothing (Parameter Store's quotas). */
const MAX_BYTES = 4096;

const RELOAD_HELP = 'start OpenClaw again with it at once';

const list: Definition = {
  command: command({
    usage: 'list',
    summary: "names of the deployment's parameters, without their values",
    examples: ['secrets list --region me-central-1'],
  }),
  work: async (context) => {
    const { aws, path } = await context.deployment();
    const found: { name: string; type: string; version: number; changed: Date }[] = [];
    let NextToken: string | undefined;
    do {
      const page = await aws.ssm('DescribeParameters', (ssm) =>
        ssm.describeParameters({
          ParameterFilters: [{ Key: 'Path', Option: 'Recursive', Values: [path] }],
          NextToken,
        }),
      );
      for (const { Name = '', Type = '', Version = 0, LastModifiedDate = new Date(0) } of page.Parameters ?? []) {
        found.push({ name: Name, type: Type, version: Version, changed: LastModifiedDate });
      }
      ({ NextToken } = page);
    } while (NextToken);
    found.sort((a, b) => a.name.localeCompare(b.name));
    const rows = found.map(({ name, type, version, changed }) => [name, type, `${version}`, utc(changed)]);
    context.show(rows.length === 0 ? '' : table([['NAME', 'TYPE', 'VERSION', 'CHANGED (UTC)'], ...rows]), found);
    if (rows.length === 0) context.say(`there are no parameters below ${path}`);
    return EXIT.done;
  },
};

const set: Definition = {
  command: command(
    {
      usage: 'set <name>',
      summary: 'store an environment variable of OpenClaw, encrypted',
      description:
        'Stores an environment variable of OpenClaw, encrypted. Its value comes from standard input or is asked for: never ' +
        'from an argument, which everybody on this computer could read. A newline at its end is left out.',
      examples: ['secrets set ANTHROPIC_API_KEY', 'secrets set TELEGRAM_BOT_TOKEN --reload <token.txt'],
      exits: OF_THE_MACHINE,
    },
    (made) => made.option('--reload', RELOAD_HELP),
  ),
  work: async (context) => {
    const name = variable(context);
    const value = await readValue(context, name);
    return store(context, name, value);
  },
};

const rm: Definition = {
  command: command(
    {
      usage: 'rm <name>',
      summary: 'remove an environment variable, with all its versions',
      examples: ['secrets rm TELEGRAM_BOT_TOKEN', 'secrets rm TELEGRAM_BOT_TOKEN --yes --reload'],
      exits: OF_THE_MACHINE,
    },
    (made) =>
      made.option('--yes', 'ask nothing (or YES=1)').option('--reload', 'start OpenClaw again without it at once'),
  ),
  work: async (context) => {
    const name = variable(context);
    const { aws, path } = await context.deployment();
    const Name = `${path}/env/${name}`;
    if (!(await context.confirm(`Remove ${Name}? Its value cannot be brought back.`))) return EXIT.failed;
    await aws
      .ssm('DeleteParameter', (ssm) => ssm.deleteParameter({ Name }))
      .catch((error: unknown) => {
        if (!(error instanceof AwsCallError) || error.code !== 'ParameterNotFound') throw error;
        throw new Failure([`there is no parameter ${Name}: \`secrets list\` lists them`]);
      });
    return told(context, `removed ${Name}`, { removed: Name });
  },
};

const rotate: Definition = {
  command: command(
    {
      usage: 'rotate',
      summary: 'make a new gateway token',
      description:
        `Makes a new gateway token (${TOKEN}), by which browsers and other clients come in; those that have the old one need ` +
        'the new one from the next start of OpenClaw on: `connect` has it.',
      examples: ['secrets rotate --reload'],
      exits: OF_THE_MACHINE,
    },
    (made) => made.option('--reload', RELOAD_HELP),
  ),
  work: (context) => store(context, TOKEN, randomBytes(32).toString('hex')),
};

function variable({ args }: Context): string {
  const [name = ''] = args;
  if (NAME.test(name)) return name;
  throw new UsageError([
    `the name must be that of an environment variable, like TELEGRAM_BOT_TOKEN (letters, digits, underscores), got '${name}'`,
  ]);
}

async function store(context: Context, name: string, Value: string): Promise<number> {
  const { aws, path } = await context.deployment();
  const Name = `${path}/env/${name}`;
  const { Version } = await aws.ssm('PutParameter', (ssm) =>
    ssm.putParameter({ Name, Value, Type: 'SecureString', Overwrite: true }),
  );
  return told(context, `stored ${Name}, version ${Version ?? 1}`, { stored: Name, version: Version });
}

/** Says what was done, and starts OpenClaw again or says how. */
async function told(context: Context, text: string, value: object): Promise<number> {
  const { reload } = context.options as { reload?: boolean };
  if (reload) {
    context.say(text);
    return onMachine(context, RELOAD, value);
  }
  const { options } = await context.deployment();
  context.show(
    `${text}\nOpenClaw has it so from its next start on; at once:  npx openclaw-spot secrets-reload ${options}\n`,
    value,
  );
  return EXIT.done;
}

async function readValue(context: Context, name: string): Promise<string> {
  const { world } = context;
  const given = world.input.isTTY ? await prompt(world, `Value of ${name} (it is not shown):`, true) : await all(world);
  const value = given.replace(/\r?\n$/, '');
  if (value !== given) context.say('the newline at its end was left out');
  const size = Buffer.byteLength(value);
  if (value === '') throw new UsageError([`the value of ${name} must not be empty; it is read from standard input`]);
  if (size > MAX_BYTES) {
    throw new UsageError([
      `the value of ${name} must have at most ${MAX_BYTES} bytes, which a standard parameter takes, got ${size}`,
    ]);
  }
  if (value.includes('\0')) {
    throw new UsageError([
      `the value of ${name} must not hold a NUL character, which no environment variable can have`,
    ]);
  }
  return value;
}

async function all({ input }: World): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of input) chunks.push(Buffer.from(chunk as Buffer | string));
  return Buffer.concat(chunks).toString('utf8');
}

const SUBCOMMANDS: readonly Definition[] = [list, set, rm, rotate];

function group(): Definition {
  const made = command({
    usage: 'secrets',
    summary: 'list, set, remove or rotate what Parameter Store holds for OpenClaw',
    description: 'Lists, stores and removes what Parameter Store holds for OpenClaw. No value is ever shown.',
    examples: ['secrets list', 'secrets set ANTHROPIC_API_KEY'],
  });
  for (const { command: one } of SUBCOMMANDS) made.addCommand(one);
  return { command: made, subcommands: SUBCOMMANDS };
}

export const SECRETS_COMMANDS: readonly Definition[] = [group()];
