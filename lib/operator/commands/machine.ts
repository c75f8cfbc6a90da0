import type { Context } from '../context';
import { UsageError } from '../errors';
import { findMachine } from '../machine';
import { runOnMachine } from '../session/session';
import { command, OF_THE_MACHINE, type About, type Definition } from './definition';

/**
 * Runs words on the machine in service, and shows what they say as it comes; with --json at the end, as one value.
 * @returns their exit status
 */
export async function onMachine(context: Context, words: readonly string[], more: object = {}): Promise<number> {
  const { world, options } = context;
  const deployment = await context.deployment();
  const { id } = await findMachine(deployment);
  const show = options.json ? () => undefined : world.out;
  const { status, output } = await runOnMachine(deployment, world, id, words, show);
  if (options.json) context.show('', { instance: id, command: words, status, output, ...more });
  return status;
}

/** A restart, but of an OpenClaw that was stopped by hand: that one has them from its next start on. */
export const RELOAD = [
  'sh',
  '-c',
  'if [ -e /var/lib/openclaw/stopped ]; then echo "OpenClaw is stopped by hand, and takes them at its start" >&2; ' +
    'else systemctl restart openclaw.service; fi',
];

const simple = (about: Omit<About, 'exits'>, words: readonly string[]): Definition => ({
  command: command({ ...about, exits: OF_THE_MACHINE }),
  work: (context) => onMachine(context, words),
});

const backup: Definition = {
  command: command(
    {
      usage: 'backup',
      summary: 'back up now',
      examples: ['backup --region me-central-1'],
      exits: OF_THE_MACHINE,
    },
    (made) => made.option('--force', 'even if more than half of the last backup would go (or FORCE=1)'),
  ),
  work: (context) => {
    const { force } = context.options as { force?: boolean };
    const forced = force ?? Boolean(context.world.env.FORCE);
    return onMachine(context, ['openclaw-state', 'backup', ...(forced ? ['--force'] : [])]);
  },
};

// Among the machine's own work, as the weekly drill is.
const drill = simple(
  {
    usage: 'drill',
    summary: 'restore the newest snapshot into scratch, verify it, clean up',
    examples: ['drill --region me-central-1'],
  },
  ['nice', '-n', '19', 'ionice', '-c', '3', 'openclaw-state', 'drill'],
);

const drain = simple(
  {
    usage: 'drain',
    summary: 'stop OpenClaw, back up, release the lease: before the machine is taken away',
    description:
      'Stops OpenClaw, backs up and releases the lease, before the machine is taken away. An interruption notice, a scale-in ' +
      'and a shutdown do it by themselves. It stays down, and is not replaced, until a reboot or `replace`.',
    examples: ['drain --region me-central-1'],
  },
  [
    'sh',
    '-c',
    'systemctl stop openclaw-drain.service && jq . /run/openclaw/drain.json && systemctl start openclaw-drain.service',
  ],
);

const stop = simple(
  {
    usage: 'stop',
    summary: 'stop OpenClaw until `start`, on whatever machine',
    description:
      'Stops OpenClaw, and has it stay so over reboots, replacements and deploys until `start`, or until somebody starts ' +
      'openclaw.service on the machine. Everything around it goes on: `status`, the mail of a move and an alarm tell of it.',
    examples: ['stop --region me-central-1'],
  },
  ['openclaw-state', 'stop'],
);

const start = simple(
  {
    usage: 'start',
    summary: 'start OpenClaw again after `stop`; returns when it serves',
    examples: ['start --region me-central-1'],
  },
  ['openclaw-state', 'start'],
);

const secretsReload = simple(
  {
    usage: 'secrets-reload',
    summary: 'start OpenClaw again with what Parameter Store holds now',
    examples: ['secrets-reload --region me-central-1'],
  },
  RELOAD,
);

const bootTimes = simple(
  {
    usage: 'boot-times',
    summary: "the critical path of the machine's last boot",
    examples: ['boot-times --region me-central-1'],
  },
  ['/usr/local/libexec/openclaw/boot-times'],
);

const run: Definition = {
  command: command(
    {
      usage: 'run [command...]',
      summary: 'run one command on the machine, as root',
      description:
        'Runs one command on the machine, as root, through Session Manager; its output is shown as it comes. Words reach it ' +
        'as they are: no shell reads them. Without a terminal its standard input is empty.',
      examples: ['run -- openclaw devices list', "run --stack prod -- journalctl -u 'openclaw*' --since -1h"],
      exits: OF_THE_MACHINE,
    },
    (made) => made.passThroughOptions(),
  ),
  work: (context) => {
    if (context.args.length === 0) {
      throw new UsageError(['a command must be given, for example: run -- openclaw-state status']);
    }
    return onMachine(context, context.args);
  },
};

export const MACHINE_COMMANDS: readonly Definition[] = [
  backup,
  drill,
  drain,
  stop,
  start,
  secretsReload,
  bootTimes,
  run,
];
