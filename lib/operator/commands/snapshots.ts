import { listBackups, type Backup } from '../state/backups';
import { requireBucket } from '../state/bucket';
import type { Context } from '../context';
import { EXIT } from '../errors';
import { findGroup, inService } from '../machine';
import { runOnMachine } from '../session/session';
import { bytes, harmless, readTable, table, utc } from '../terminal/text';
import { command, OF_THE_MACHINE, type Definition } from './definition';

const snapshots: Definition = {
  command: command(
    {
      usage: 'snapshots',
      summary: 'list what can be restored',
      description:
        'Lists what can be restored, the oldest first: as the machine says, or, where none runs or with --bucket, what the ' +
        "state bucket says by itself. For encrypted snapshots that is each one's id and the time of its upload.",
      examples: ['snapshots --region me-central-1', 'snapshots --bucket --json'],
      exits: OF_THE_MACHINE,
    },
    (made) => made.option('--bucket', 'ask the bucket, also where a machine runs'),
  ),
  work: async (context) => {
    const { bucket } = context.options as { bucket?: boolean };
    const deployment = await context.deployment();
    const machine = bucket ? undefined : inService(await findGroup(deployment));
    if (machine) return ofMachine(context, machine.id);
    if (!bucket) context.say(`no machine of ${deployment.group} is in service: this is what the state bucket says`);
    return ofBucket(context);
  },
};

async function ofMachine(context: Context, instance: string): Promise<number> {
  const { world, options } = context;
  const show = options.json ? () => undefined : world.out;
  const words = ['openclaw-state', 'snapshots'];
  const { status, output } = await runOnMachine(await context.deployment(), world, instance, words, show);
  if (options.json) context.show('', { source: instance, snapshots: readTable(output) });
  return status;
}

async function ofBucket(context: Context): Promise<number> {
  const deployment = await context.deployment();
  const bucket = await requireBucket(deployment);
  const found = await listBackups(deployment, bucket);
  const text = found.length === 0 ? '' : table([HEADING, ...found.map(row)]);
  context.show(text, { source: `s3://${bucket.Bucket}`, snapshots: found });
  if (found.length === 0) context.say(`s3://${bucket.Bucket} holds no backup yet`);
  return EXIT.done;
}

const HEADING = ['ID', 'TIME (UTC)', 'SIZE', 'FILES', 'GEN', 'IMAGE', 'ENGINE'];

const row = ({ engine, id, time, setAside, ...known }: Backup): string[] => [
  engine === 'mirror' ? id : id.slice(0, 8),
  utc(time),
  known.bytes === undefined ? '-' : bytes(known.bytes),
  `${known.files ?? '-'}`,
  known.generation === undefined ? '-' : `${known.generation}.${known.sequence ?? 0}`,
  harmless(known.image?.split('/').at(-1) ?? '') || '-',
  setAside ? `${engine} (set aside)` : engine,
];

export const SNAPSHOTS_COMMANDS: readonly Definition[] = [snapshots];
