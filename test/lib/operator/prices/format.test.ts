import { runRecorded } from './support/recorded-aws';

const types = ['--instance-types', 't4g.small m7g.large'];

describe('the formats', () => {
  test('a table, aligned, the cheapest first, gaps in words', async () => {
    const { out } = await runRecorded(types);
    expect(out).toBe(`\
ZONE           TYPE       ARCH   VCPU  GIB  USD/HOUR  USD/MONTH  ON-DEMAND  SAVING  7-DAY RANGE    CHANGES  SINCE (UTC)
me-central-1a  t4g.small  arm64     2    2    0.0066       4.82     0.0203     67%  0.0066–0.0069        3  2026-11-23 07:37
me-central-1b  t4g.small  arm64     2    2    0.0071       5.18     0.0203     65%  0.0071               0  2026-11-14 09:12
me-central-1b  m7g.large  arm64     2    8    0.0381      27.81          -       -  0.0357–0.0381        8  2026-11-21 10:14
me-central-1a  m7g.large  arm64     2    8    0.0432      31.54          -       -  0.0330–0.0432        8  2026-11-23 03:31
me-central-1c  m7g.large  arm64     2    8  no spot price
me-central-1c  t4g.small  arm64     2    2  not offered
`);
  });

  test('json with raw numbers, ISO times and null for what is not known', async () => {
    const { out } = await runRecorded([...types, '--format', 'json']);
    const rows = JSON.parse(out) as unknown[];
    expect(rows).toHaveLength(6);
    expect(rows[0]).toEqual({
      region: 'me-central-1',
      zone: 'me-central-1a',
      instance_type: 't4g.small',
      architecture: 'arm64',
      vcpu: 2,
      memory_gib: 2,
      status: 'offered',
      price_usd_per_hour: 0.0066,
      price_usd_per_month: 4.818,
      on_demand_usd_per_hour: 0.0203,
      saving_percent: 67.5,
      min_usd_per_hour: 0.0066,
      max_usd_per_hour: 0.0069,
      changes: 3,
      price_since: '2026-11-23T07:37:17.000Z',
      window_start: '2026-11-16T20:00:00.000Z',
      window_end: '2026-11-23T20:00:00.000Z',
    });
    expect(rows[5]).toMatchObject({
      status: 'not offered',
      price_usd_per_hour: null,
      changes: null,
      price_since: null,
    });
  });

  test('csv with the same columns and values as json', async () => {
    const { out } = await runRecorded([...types, '--format', 'csv']);
    const json = await runRecorded([...types, '--format', 'json']);
    const [header = '', ...lines] = out.trimEnd().split('\n');
    const rows = JSON.parse(json.out) as Record<string, string | number | null>[];
    expect(header.split(',')).toEqual(Object.keys(rows[0] ?? {}));
    expect(lines.map((line) => line.split(','))).toEqual(
      rows.map((row) => Object.values(row).map((value) => String(value ?? ''))),
    );
  });
});
