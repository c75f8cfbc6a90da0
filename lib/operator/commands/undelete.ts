import type { ObjectIdentifier } from '@aws-sdk/client-s3';
import { requireBucket, versionPages, type StateBucket } from '../state/bucket';
import type { Context } from '../context';
import type { Deployment } from '../deployment';
import { EXIT, Failure, UsageError } from '../errors';
import { utcTime } from '../state/request';
import { table, utc } from '../terminal/text';
import { command, type Definition } from './definition';

/** What the state is made of. */
const PLACES = ['snapshots/', 'mirror/', 'lease.json'];
/** The most that one call takes. */
const IN_ONE_CALL = 1000;

interface Marker {
  readonly key: string;
  readonly version: string;
  readonly at: Date;
}

const undelete: Definition = {
  command: command(
    {
      usage: 'undelete',
      summary: 'bring back deleted objects of the state bucket',
      description:
        'A deleted object of the state bucket stays below a delete marker for at least five weeks. Lists those of snapshots/, ' +
        'mirror/ and lease.json; with --yes it removes the markers, which brings the objects back. Pruning deletes old ' +
        'backups every day, and a mirror the files that are gone: --since, the time of the loss, leaves those alone.',
      examples: [
        "undelete --since '2026-11-20 14:00'",
        "undelete --since '2026-11-20 14:00' --yes --region me-central-1",
      ],
    },
    (made) =>
      made
        .option(
          '--since <time>',
          "only what was deleted at this time or later, like '2026-11-20 14:00' (UTC; or SINCE)",
        )
        .option('--yes', 'bring them back; needs --since (or YES=1)'),
  ),
  work: async (context) => {
    const given = (context.options as { since?: string }).since ?? context.world.env.SINCE ?? '';
    const since = given === '' ? undefined : utcTime(given);
    if (given !== '' && !since) {
      throw new UsageError([`since must be a time in UTC like '2026-11-20 14:00', got '${given}'`]);
    }
    if (context.yes && !since) {
      throw new UsageError(['--yes needs --since, the time of the loss: `undelete` alone lists when what was deleted']);
    }
    const deployment = await context.deployment();
    const bucket = await requireBucket(deployment);
    const markers = await markersIn(deployment, bucket, since);
    if (context.yes) await remove(context, deployment, bucket, markers);
    report(context, deployment, bucket, markers, given);
    return EXIT.done;
  },
};

/** The delete markers that hide an object now. */
async function markersIn(deployment: Deployment, bucket: StateBucket, since: Date | undefined): Promise<Marker[]> {
  const found: Marker[] = [];
  for (const place of PLACES) {
    for await (const { DeleteMarkers: markers = [] } of versionPages(deployment, bucket, place)) {
      for (const { Key: key = '', VersionId: version = '', LastModified: at = new Date(0), IsLatest } of markers) {
        const isOurs = place.endsWith('/') || key === place;
        if (IsLatest && isOurs && (!since || at >= since)) found.push({ key, version, at });
      }
    }
  }
  return found;
}

async function remove(context: Context, { aws }: Deployment, bucket: StateBucket, markers: Marker[]): Promise<void> {
  for (let first = 0; first < markers.length; first += IN_ONE_CALL) {
    const Objects = markers
      .slice(first, first + IN_ONE_CALL)
      .map(({ key, version }): ObjectIdentifier => ({ Key: key, VersionId: version }));
    const { Errors: errors = [] } = await aws.s3('DeleteObjectVersion', (s3) =>
      s3.deleteObjects({ ...bucket, Delete: { Objects, Quiet: true } }),
    );
    if (errors.length > 0) {
      const [{ Key, Code, Message } = {}] = errors;
      throw new Failure([
        `${errors.length} of ${Objects.length} objects were not brought back, ${Key ?? ''} because of ${Code ?? ''} (${Message ?? ''}); ` +
          `${first} were before: it can be run again`,
      ]);
    }
    if (markers.length > IN_ONE_CALL) context.say(`brought back ${first + Objects.length} of ${markers.length}`);
  }
}

function report(
  context: Context,
  { options }: Deployment,
  bucket: StateBucket,
  markers: Marker[],
  since: string,
): void {
  const rows = PLACES.map((place) => {
    const times = markers.filter(({ key }) => key.startsWith(place)).map(({ at }) => at.getTime());
    const time = (value: number) => (times.length === 0 ? '-' : utc(new Date(value)));
    return [place, `${times.length}`, time(Math.min(...times)), time(Math.max(...times))];
  });
  const next = context.yes
    ? `${markers.length} objects are back in s3://${bucket.Bucket}.`
    : `Nothing was changed. To bring them back:  npx openclaw-spot undelete --since '${since || '…'}' --yes ${options}`;
  context.show(`${table([['BELOW', 'DELETED', 'FIRST (UTC)', 'LAST (UTC)'], ...rows])}${next}\n`, {
    bucket: bucket.Bucket,
    broughtBack: context.yes,
    markers,
  });
}

export const UNDELETE_COMMANDS: readonly Definition[] = [undelete];
