import type { Command } from 'commander';
import { requireBucket } from '../state/bucket';
import type { Context } from '../context';
import { EXIT, UsageError } from '../errors';
import { parseRequest, readPaths, toArguments, toJson, type RestoreRequest } from '../state/request';
import { askAtBoot, RESTORE_KEY, takeBackAtBoot } from '../state/restore-at-boot';
import { collect, command, OF_THE_MACHINE, type Definition } from './definition';
import { onMachine } from './machine';

const withRequest = (made: Command): Command =>
  made
    .option('--at <time>', "the last snapshot not after this time, like '2026-11-20 14:00' (UTC; or AT)")
    .option(
      '--path <path>',
      'only this, like workspace/notes.md; can be given more than once (or PATHS: separated by blanks, or a JSON list)',
      collect,
    );

/** The options, else the environment that make fills. */
function requestOf({ args, options, world: { env } }: Context): RestoreRequest {
  const { at, path } = options as { at?: string; path?: string[] };
  const isGiven = args[0] !== undefined || at !== undefined;
  return parseRequest({
    snapshot: isGiven ? args[0] : env.SNAPSHOT,
    at: isGiven ? at : env.AT,
    paths: path ?? readPaths(env.PATHS),
  });
}

const restore: Definition = {
  command: command(
    {
      usage: 'restore [snapshot]',
      summary: 'bring a snapshot back on the running machine',
      description:
        'Brings a snapshot back on the running machine, whole or some paths of it: OpenClaw is down only while directories ' +
        'change places, and what was there before stays in /var/lib/openclaw/aside. The snapshot is an id that `snapshots` ' +
        'lists, its beginning, or latest (or SNAPSHOT).',
      examples: [
        'restore latest --region me-central-1',
        "restore --at '2026-11-20 14:00' --path workspace/notes.md --path 'workspace/my plans'",
      ],
      exits: OF_THE_MACHINE,
    },
    withRequest,
  ),
  work: (context) => onMachine(context, ['openclaw-state', 'restore', ...toArguments(requestOf(context))]),
};

const restoreAtBoot: Definition = {
  command: command(
    {
      usage: 'restore-at-boot [snapshot]',
      summary: "bring a snapshot back at the machine's next boot, or its replacement's: where none runs",
      description:
        'Asks for a snapshot that the next boot of the machine, or of its replacement, brings in, once: for when none runs, ' +
        'or the running one cannot be reached. A snapshot that cannot be restored keeps OpenClaw down.',
      examples: [
        "restore-at-boot --at '2026-11-20 14:00' --region me-central-1",
        'restore-at-boot --cancel --region me-central-1',
      ],
    },
    (made) => withRequest(made).option('--cancel', 'take back what was asked for'),
  ),
  work: async (context) => {
    const { cancel } = context.options as { cancel?: boolean };
    return cancel ? takeBack(context) : ask(context);
  },
};

async function ask(context: Context): Promise<number> {
  const request = requestOf(context);
  const deployment = await context.deployment();
  const bucket = await requireBucket(deployment);
  await askAtBoot(deployment, bucket, request);
  const { snapshot, at, paths } = request;
  const which = snapshot === undefined ? `the last snapshot not after ${at ?? ''} UTC` : `snapshot ${snapshot}`;
  context.show(
    [
      `The next boot of ${deployment.group} restores ${paths.join(', ') || 'everything'} from ${which}, once.`,
      'What that replaces is kept on the machine in /var/lib/openclaw/aside; a snapshot that cannot be restored keeps OpenClaw down.',
      `To boot the machine now:   npx openclaw-spot run ${deployment.options} -- systemctl reboot`,
      `To take the request back:  npx openclaw-spot restore-at-boot --cancel ${deployment.options}`,
      '',
    ].join('\n'),
    { object: `s3://${bucket.Bucket}/${RESTORE_KEY}`, request: JSON.parse(toJson(request)) as unknown },
  );
  return EXIT.done;
}

async function takeBack(context: Context): Promise<number> {
  if (context.args.length > 0) throw new UsageError([`--cancel takes no snapshot, got '${context.args.join(' ')}'`]);
  const deployment = await context.deployment();
  const bucket = await requireBucket(deployment);
  await takeBackAtBoot(deployment, bucket);
  context.show(`The next boot of ${deployment.group} restores nothing that was asked for before.\n`, {
    object: `s3://${bucket.Bucket}/${RESTORE_KEY}`,
    request: null,
  });
  return EXIT.done;
}

export const RESTORE_COMMANDS: readonly Definition[] = [restore, restoreAtBoot];
