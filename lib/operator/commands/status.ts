import type { Context } from '../context';
import { EXIT } from '../errors';
import { repeat } from '../terminal/repeat';
import { readStatus, type Status } from '../status';
import { harmless, span, utc } from '../terminal/text';
import { command, type Definition } from './definition';

const PAUSE_MS = 15_000;
const CLEAR_SCREEN = '\u001b[2J\u001b[H';

const status: Definition = {
  command: command(
    {
      usage: 'status',
      summary: 'one screen: machine, readiness, last backup, lease, alarms, version',
      examples: ['status --region me-central-1', 'status --watch', 'status --json'],
    },
    (made) => made.option('--watch', `refresh every ${PAUSE_MS / 1000} s, until Control-C`),
  ),
  work: async (context) => {
    const { watch } = context.options as { watch?: boolean };
    if (!watch) {
      await showOnce(context);
      return EXIT.done;
    }
    const { terminal, out } = context.world;
    await repeat(context.world, PAUSE_MS, async () => {
      await showOnce(
        context,
        terminal && !context.options.json
          ? () => {
              out(CLEAR_SCREEN);
            }
          : undefined,
      );
    });
    return EXIT.done;
  },
};

async function showOnce(context: Context, before?: () => void): Promise<void> {
  const now = context.world.now();
  const found = await readStatus(await context.deployment(), now);
  before?.();
  context.show(toText(found, now), found);
  for (const note of found.notes) context.say(note);
}

function toText(found: Status, now: Date): string {
  const { machine, lastBackup, lease, image } = found;
  const age = (time: Date) => `${utc(time)} UTC (${span(now.getTime() - time.getTime())} ago)`;
  const percent = (value: number | undefined) => (value === undefined ? 'unknown' : `${value.toFixed(0)} % used`);
  const rows: [string, string][] = [
    ['deployment', `${found.group} in ${found.region}`],
    [
      'machine',
      typeof machine === 'string'
        ? `none in service: ${machine}`
        : `${machine.id}, ${machine.type}, ${machine.market ?? 'market unknown'}, ${machine.zone}`,
    ],
    ...pausedRow(found),
    ['up since', typeof machine === 'string' || !machine.upSince ? '-' : age(machine.upSince)],
    [
      'ready',
      found.ready === undefined
        ? 'unknown: for a quarter of an hour the machine has not said that all is well'
        : found.ready
          ? 'yes'
          : 'no',
    ],
    ...stoppedRow(found),
    ['last backup', lastBackup ? `${age(lastBackup.time)}, ${lastBackup.engine}` : 'none'],
    [
      'lease',
      lease
        ? `generation ${lease.generation}, ${harmless(lease.instance)}${lease.state === 'held' ? '' : `, ${lease.state}`}`
        : 'none',
    ],
    ['image', image ? harmless(`${image.reference} (${image.digest.slice(0, 19)})`) : 'not recorded yet'],
    ['memory', percent(found.memoryPercent)],
    ['disk', percent(found.diskPercent)],
    ['alarms', found.alarms.length === 0 ? 'none' : `${found.alarms.length} in ALARM`],
    ...found.alarms.map(({ name, reason }): [string, string] => ['', `${name}: ${reason}`]),
  ];
  return rows.map(([name, text]) => `${name.padEnd(13)}${text}\n`).join('');
}

function stoppedRow({ stoppedByHand }: Status): [string, string][] {
  if (stoppedByHand === undefined) return [];
  return [['stopped', `by hand${stoppedByHand && ` since ${stoppedByHand}`}, on any machine until \`start\``]];
}

function pausedRow({ paused }: Status): [string, string][] {
  if (paused === undefined) return [];
  return [['paused', `${paused ? `since ${paused}` : 'by a schedule or by hand'}, no machine until \`resume\``]];
}

export const STATUS_COMMANDS: readonly Definition[] = [status];
