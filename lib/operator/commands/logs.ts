import type { FilteredLogEvent } from '@aws-sdk/client-cloudwatch-logs';
import { AwsCallError } from '../aws/calls';
import type { Deployment } from '../deployment';
import { EXIT, UsageError } from '../errors';
import { noSuchDeployment } from '../machine';
import { repeat } from '../terminal/repeat';
import { utcTime } from '../state/request';
import { harmless, utc } from '../terminal/text';
import { command, type Definition } from './definition';

/** As the machine's agent has them (`lib/constructs/observability.ts`). */
const GROUPS = ['gateway', 'operations', 'system'];
const UNITS_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const PAUSE_MS = 3_000;
// Events of one time come from several streams, some of them late.
const OVERLAP_MS = 30_000;

const logs: Definition = {
  command: command(
    {
      usage: 'logs [group]',
      summary: "what the machines said: OpenClaw's own log, and that of the units around it",
      description: `Shows the lines of a log group, or of all: ${GROUPS.join(', ')}. They outlive the machine that wrote them.`,
      examples: [
        'logs gateway --follow',
        'logs operations --since 2d --unit openclaw-backup',
        "logs --since '2026-11-20 14:00' --json",
      ],
    },
    (made) =>
      made
        .option('--since <time>', "how far back: 30m, 12h, 2d, or a time like '2026-11-20 14:00' (UTC)", '1h')
        .option('--unit <unit>', 'lines of this systemd unit alone, like openclaw-backup')
        .option('-f, --follow', 'go on with what comes, until Control-C'),
  ),
  work: async (context) => {
    const { since, unit, follow } = context.options as { since: string; unit?: string; follow?: boolean };
    const [group] = context.args;
    if (group !== undefined && !GROUPS.includes(group)) {
      throw new UsageError([`the log group must be one of ${GROUPS.join(', ')}, got '${group}'`]);
    }
    const deployment = await context.deployment();
    const reader = new Reader(deployment, group === undefined ? GROUPS : [group], sinceOf(since, context.world.now()));
    const show = async () => {
      for (const line of await reader.next()) {
        if (unit === undefined || line.unit.replace(/\.service$/, '') === unit.replace(/\.service$/, '')) {
          context.world.out(context.options.json ? `${JSON.stringify(line)}\n` : toText(line));
        }
      }
    };
    if (follow) await repeat(context.world, PAUSE_MS, show);
    else await show();
    return EXIT.done;
  },
};

function sinceOf(text: string, now: Date): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const time =
    unit === undefined
      ? utcTime(text)?.getTime()
      : now.getTime() - Number(count) * UNITS_MS[unit as keyof typeof UNITS_MS];
  if (time === undefined) {
    throw new UsageError([`since must be like 30m, 12h, 2d or '2026-11-20 14:00' (UTC), got '${text}'`]);
  }
  return time;
}

interface Line {
  readonly time: Date;
  readonly group: string;
  readonly instance: string;
  readonly unit: string;
  readonly message: string;
}

/** Reads groups from a time on, each event once. */
class Reader {
  private readonly seen = new Map<string, number>();

  constructor(
    private readonly deployment: Deployment,
    private readonly groups: readonly string[],
    private from: number,
  ) {}

  /** What has come since the last time, in order. */
  async next(): Promise<Line[]> {
    const { from } = this;
    const found = await Promise.all(this.groups.map((group) => this.eventsOf(group, from)));
    const lines = found.flat().sort((a, b) => a.time.getTime() - b.time.getTime());
    const newest = lines.at(-1)?.time.getTime() ?? 0;
    this.from = Math.max(from, newest - OVERLAP_MS);
    for (const [id, time] of this.seen) if (time < this.from) this.seen.delete(id);
    return lines;
  }

  private async eventsOf(group: string, startTime: number): Promise<Line[]> {
    const { aws, path } = this.deployment;
    const lines: Line[] = [];
    let nextToken: string | undefined;
    do {
      const page = await aws
        .logs('FilterLogEvents', (client) =>
          client.filterLogEvents({ logGroupName: `${path}/${group}`, startTime, nextToken }),
        )
        .catch((error: unknown) => {
          if (error instanceof AwsCallError && error.code === 'ResourceNotFoundException') {
            throw noSuchDeployment(this.deployment);
          }
          throw error;
        });
      for (const event of page.events ?? []) {
        const { eventId = '', timestamp = 0 } = event;
        if (this.seen.has(eventId)) continue;
        this.seen.set(eventId, timestamp);
        lines.push(readEvent(event, group));
      }
      ({ nextToken } = page);
    } while (nextToken);
    return lines;
  }
}

/** An event is a journal entry as JSON, whose body's MESSAGE is the line; whatever else it is stands as it is. */
function readEvent({ timestamp = 0, message = '', logStreamName = '' }: FilteredLogEvent, group: string): Line {
  const about = { time: new Date(timestamp), group, instance: logStreamName };
  try {
    const { body } = JSON.parse(message) as { body?: { MESSAGE?: unknown; _SYSTEMD_UNIT?: unknown } };
    if (body?.MESSAGE !== undefined) {
      // The journal gives a line that is not UTF-8 as a list of its bytes.
      const line = Array.isArray(body.MESSAGE) ? Buffer.from(body.MESSAGE as number[]).toString() : body.MESSAGE;
      const unit = typeof body._SYSTEMD_UNIT === 'string' ? body._SYSTEMD_UNIT : '';
      return { ...about, unit, message: typeof line === 'string' ? line : JSON.stringify(line) };
    }
  } catch {
    // Plain text.
  }
  return { ...about, unit: '', message };
}

function toText({ time, group, unit, message }: Line): string {
  const name = unit === '' ? group : unit.replace(/\.service$/, '');
  return message
    .trimEnd()
    .split('\n')
    .map((line) => `${utc(time)}  ${harmless(name)}  ${harmless(line)}\n`)
    .join('');
}

export const LOGS_COMMANDS: readonly Definition[] = [logs];
