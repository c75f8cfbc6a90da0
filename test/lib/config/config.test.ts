import { InstanceArchitecture } from 'aws-cdk-lib/aws-ec2';
import { ConfigError, parseConfig } from '../../../lib/config/config';
import { FLAGS } from '../support/synthesize';

const AZ = { az: 'me-central-1a' };
const NIGHTS = 'stop 0 23 * * *, start 0 7 * * *';
const TIMES = [
  { action: 'stop', recurrence: '0 23 * * *' },
  { action: 'start', recurrence: '0 7 * * *' },
];

function faultsOf(context: Record<string, unknown>): readonly string[] {
  try {
    parseConfig(context);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

describe('defaults', () => {
  const config = parseConfig(AZ);

  test('are those of the documentation', () => {
    expect({ ...config, instanceType: config.instanceType.toString() }).toEqual({
      availabilityZone: 'me-central-1a',
      region: 'me-central-1',
      stack: 'dev',
      instanceType: 't4g.small',
      market: 'spot',
      cpuCredits: 'standard',
      rootVolumeSizeGib: 15,
      image: { reference: 'ghcr.io/openclaw/openclaw:2026.9.6' },
      backup: 'snapshots',
      backupIntervalMinutes: 20,
      backupKeepHourly: 24,
      backupKeepDaily: 7,
      backupKeepWeekly: 4,
      autoApproveDevices: false,
      observability: 'lean',
      flowLogs: 'cloudwatch',
      logRetention: 14,
      githubProvider: 'create',
      given: { az: 'me-central-1a' },
    });
  });
});

describe('good values', () => {
  test.each([
    ['az', 'us-gov-west-1b', 'region', 'us-gov-west-1'],
    ['az', 'ap-southeast-2c', 'region', 'ap-southeast-2'],
    ['az', 'eusc-de-east-1a', 'region', 'eusc-de-east-1'],
    ['stack', 'a', 'stack', 'a'],
    ['stack', 'prod-2', 'stack', 'prod-2'],
    ['stack', 'x'.repeat(21), 'stack', 'x'.repeat(21)],
    ['stack', 7, 'stack', '7'],
    ['market', 'on-demand', 'market', 'on-demand'],
    ['maxPrice', '0.0105', 'maxPrice', 0.0105],
    ['maxPrice', 0.01, 'maxPrice', 0.01],
    ['cpuCredits', 'unlimited', 'cpuCredits', 'unlimited'],
    ['cpuCredits', 'standard', 'cpuCredits', 'standard'],
    ['rootVolumeSizeGib', '8', 'rootVolumeSizeGib', 8],
    ['rootVolumeSizeGib', 16384, 'rootVolumeSizeGib', 16384],
    ['backup', 'mirror', 'backup', 'mirror'],
    ['backup', 'off', 'backup', 'off'],
    ['backupIntervalMinutes', '1', 'backupIntervalMinutes', 1],
    ['backupIntervalMinutes', 1440, 'backupIntervalMinutes', 1440],
    ['backupKeepHourly', '0', 'backupKeepHourly', 0],
    ['backupKeepHourly', 168, 'backupKeepHourly', 168],
    ['backupKeepDaily', 90, 'backupKeepDaily', 90],
    ['backupKeepWeekly', '104', 'backupKeepWeekly', 104],
    ['ami', 'ami-0123456789abcdef0', 'ami', 'ami-0123456789abcdef0'],
    ['ami', 'ami-1a2b3c4d', 'ami', 'ami-1a2b3c4d'],
    ['autoApproveDevices', 'true', 'autoApproveDevices', true],
    ['autoApproveDevices', true, 'autoApproveDevices', true],
    ['autoApproveDevices', 'false', 'autoApproveDevices', false],
    ['logRetentionDays', '3653', 'logRetention', 3653],
    ['logRetentionDays', 1, 'logRetention', 1],
    ['alarmEmail', 'first.last+aws@example.co.uk', 'alarmEmail', 'first.last+aws@example.co.uk'],
    ['market', null, 'market', 'spot'],
    ['schedule', NIGHTS, 'schedule', TIMES],
    ['schedule', '  stop 0  23 * * *,start 0 7 * * *', 'schedule', TIMES],
    [
      'schedule',
      'start */15 7 1,15 1-6 1-5,0, stop 0-30/10 23 * * *',
      'schedule',
      [
        { action: 'start', recurrence: '*/15 7 1,15 1-6 1-5,0' },
        { action: 'stop', recurrence: '0-30/10 23 * * *' },
      ],
    ],
  ])('%s=%s', (key, value, property, expected) => {
    expect(parseConfig({ ...AZ, [key]: value })).toHaveProperty(property, expected);
  });
});

describe('instance types', () => {
  const { ARM_64, X86_64 } = InstanceArchitecture;
  test.each([
    ['t4g.small', ARM_64],
    ['a1.medium', ARM_64],
    ['c7gn.metal', ARM_64],
    ['im4gn.16xlarge', ARM_64],
    ['is4gen.large', ARM_64],
    ['g5g.xlarge', ARM_64],
    ['m8g.metal-48xl', ARM_64],
    ['t3.nano', X86_64],
    ['t3a.medium', X86_64],
    ['g4dn.xlarge', X86_64],
    ['gr6.4xlarge', X86_64],
    ['c7i-flex.large', X86_64],
    ['r6idn.32xlarge', X86_64],
  ])('%s runs on %s', (instanceType, architecture) => {
    expect(parseConfig({ ...AZ, instanceType }).instanceType.architecture).toBe(architecture);
  });
});

describe('CPU credits', () => {
  test('are said for every burstable type, and for no other', () => {
    for (const instanceType of ['t2.micro', 't3.small', 't3a.small', 't4g.small']) {
      expect(parseConfig({ ...AZ, instanceType })).toHaveProperty('cpuCredits', 'standard');
    }
    expect(parseConfig({ ...AZ, instanceType: 'c7g.large' })).not.toHaveProperty('cpuCredits');
  });

  test('are refused for a type that has none', () => {
    expect(faultsOf({ ...AZ, instanceType: 'c7g.large', cpuCredits: 'standard' })).toEqual([
      "cpuCredits is for burstable types like t4g.small, got 'standard' with instanceType=c7g.large: leave cpuCredits out",
    ]);
  });
});

describe('refused values', () => {
  test.each([
    ['az', 'me-central-1', 'an availability zone like me-central-1a'],
    ['az', 'foo', 'an availability zone like me-central-1a'],
    ['az', 'ME-CENTRAL-1A', 'an availability zone like me-central-1a'],
    ['az', 'me-central-1aa', 'an availability zone like me-central-1a'],
    ['az', 'mec1-az1', 'an availability zone like me-central-1a'],
    ['az', '', 'an availability zone like me-central-1a'],
    ['az', ' me-central-1a', 'an availability zone like me-central-1a'],
    ['az', true, 'an availability zone like me-central-1a'],
    ['az', ['me-central-1a'], 'an availability zone like me-central-1a'],
    ['stack', 'Prod', '1 to 21 lower case letters, digits and hyphens'],
    ['stack', 'my_stack', '1 to 21 lower case letters, digits and hyphens'],
    ['stack', 'a.b', '1 to 21 lower case letters, digits and hyphens'],
    ['stack', '-dev', '1 to 21 lower case letters, digits and hyphens'],
    ['stack', 'dev-', '1 to 21 lower case letters, digits and hyphens'],
    ['stack', '', '1 to 21 lower case letters, digits and hyphens'],
    ['stack', 'x'.repeat(22), '1 to 21 lower case letters, digits and hyphens'],
    ['instanceType', 't4g', 'an EC2 instance type like t4g.small'],
    ['instanceType', 'notatype.small', 'an EC2 instance type like t4g.small'],
    ['instanceType', 't4g.smal', 'an EC2 instance type like t4g.small'],
    ['instanceType', 'T4G.small', 'an EC2 instance type like t4g.small'],
    ['instanceType', 'mac2.metal', 'an EC2 instance type like t4g.small'],
    ['market', 'cheap', 'spot or on-demand'],
    ['market', 'Spot', 'spot or on-demand'],
    ['maxPrice', '-1', 'a price in USD per hour of at least 0.001'],
    ['maxPrice', -1, 'a price in USD per hour of at least 0.001'],
    ['maxPrice', '0', 'a price in USD per hour of at least 0.001'],
    ['maxPrice', '0.0001', 'a price in USD per hour of at least 0.001'],
    ['maxPrice', '0,01', 'a price in USD per hour of at least 0.001'],
    ['maxPrice', '$0.01', 'a price in USD per hour of at least 0.001'],
    ['maxPrice', '1e-2', 'a price in USD per hour of at least 0.001'],
    ['maxPrice', 'NaN', 'a price in USD per hour of at least 0.001'],
    ['cpuCredits', 'Unlimited', 'standard or unlimited'],
    ['cpuCredits', true, 'standard or unlimited'],
    ['rootVolumeSizeGib', '0', 'a whole number of GiB from 8 to 16384'],
    ['rootVolumeSizeGib', 0, 'a whole number of GiB from 8 to 16384'],
    ['rootVolumeSizeGib', '7', 'a whole number of GiB from 8 to 16384'],
    ['rootVolumeSizeGib', '7.5', 'a whole number of GiB from 8 to 16384'],
    ['rootVolumeSizeGib', 15.5, 'a whole number of GiB from 8 to 16384'],
    ['rootVolumeSizeGib', 'abc', 'a whole number of GiB from 8 to 16384'],
    ['rootVolumeSizeGib', '16385', 'a whole number of GiB from 8 to 16384'],
    ['rootVolumeSizeGib', '15GiB', 'a whole number of GiB from 8 to 16384'],
    ['rootVolumeSizeGib', '', 'a whole number of GiB from 8 to 16384'],
    ['image', 'Not An Image', 'a container image reference'],
    ['image', '', 'a container image reference'],
    ['backup', 'on', 'snapshots, mirror or off'],
    ['backup', true, 'snapshots, mirror or off'],
    ['backupIntervalMinutes', '0', 'a whole number of minutes from 1 to 1440'],
    ['backupIntervalMinutes', '1441', 'a whole number of minutes from 1 to 1440'],
    ['backupIntervalMinutes', 1441, 'a whole number of minutes from 1 to 1440'],
    ['backupKeepHourly', '169', 'a whole number of backups from 0 to 168'],
    ['backupKeepDaily', 91, 'a whole number of backups from 0 to 90'],
    ['backupKeepWeekly', -1, 'a whole number of backups from 0 to 104'],
    ['backupKeepWeekly', '4w', 'a whole number of backups from 0 to 104'],
    ['ami', 'ami-123', 'an AMI id'],
    ['ami', 'resolve:ssm:/x', 'an AMI id'],
    ['autoApproveDevices', 'yes', 'true or false'],
    ['autoApproveDevices', 1, 'true or false'],
    ['autoApproveDevices', 'constructor', 'true or false'],
    ['logRetentionDays', '10', 'a number of days that CloudWatch Logs knows (1, 3, 5, 7, 14'],
    ['logRetentionDays', '9999', 'a number of days that CloudWatch Logs knows'],
    ['alarmEmail', 'nobody', 'an e-mail address'],
    ['alarmEmail', 'a@b.co, c@d.co', 'an e-mail address'],
  ])('%s=%j', (key, value, allowed) => {
    const faults = faultsOf({ ...AZ, [key]: value });
    const got = typeof value === 'string' ? `'${value}'` : JSON.stringify(value);
    expect(faults).toEqual([expect.stringContaining(`${key} must be ${allowed}`)]);
    expect(faults[0]).toMatch(new RegExp(`, got ${got.replace(/[[\]$.*+?^()|]/g, '\\$&')}$`));
  });

  test.each([{}, { az: null }])('no az: %j', (context) => {
    expect(faultsOf(context)).toEqual([expect.stringMatching(/^az is missing.*-c az=me-central-1a/)]);
  });

  test('maxPrice without spot', () => {
    expect(faultsOf({ ...AZ, market: 'on-demand', maxPrice: '0.02' })).toEqual([
      "maxPrice is a ceiling for market=spot, got '0.02' with market=on-demand: leave maxPrice out",
    ]);
  });

  test.each([
    'stop 0 23 * * *',
    'stop 0 23 * * *, stop 0 7 * * *',
    'stop 0 23 * * *, start 0 23 * * *',
    'stop 0 23 * * *, begin 0 7 * * *',
    'stop 0 23 * *, start 0 7 * * *',
    'stop 0 23 * * * *, start 0 7 * * *',
    'stop 60 23 * * *, start 0 7 * * *',
    'stop 0 24 * * *, start 0 7 * * *',
    'stop 0 23 0 * *, start 0 7 * * *',
    'stop 0 23 * 13 *, start 0 7 * * *',
    'stop 0 23 * * 7, start 0 7 * * *',
    'stop 0 23 * * MON, start 0 7 * * *',
    'stop 0 5-3 * * *, start 0 7 * * *',
    'stop 0/5 23 * * *, start 0 7 * * *',
    'stop */0 23 * * *, start 0 7 * * *',
    'stop 0 1, * * *, start 0 7 * * *',
    'stop 0 23 * * *, start 0 7 * * *,',
    '',
  ])("schedule='%s'", (schedule) => {
    expect(faultsOf({ ...AZ, schedule })).toEqual([
      `schedule must be stop and start, each at least once and none at the same time, like '${NIGHTS}' (minute 0-59, ` +
        `hour 0-23, day 1-31, month 1-12, weekday 0-6 from Sunday; *, lists, ranges, steps), got '${schedule}'`,
    ]);
  });

  test.each(['Asia/Dubay', 'CET', '+04:00', 'Etc/../UTC', 'asia/dubai', ''])('scheduleTimeZone=%s', (zone) => {
    expect(faultsOf({ ...AZ, schedule: NIGHTS, scheduleTimeZone: zone })).toEqual([
      `scheduleTimeZone must be a time zone's IANA name like Asia/Dubai or UTC, got '${zone}'`,
    ]);
  });

  test.each(['UTC', 'Asia/Dubai', 'America/Argentina/Buenos_Aires', 'Etc/GMT+9'])('but not %s', (zone) => {
    expect(faultsOf({ ...AZ, schedule: NIGHTS, scheduleTimeZone: zone })).toEqual([]);
  });

  test('scheduleTimeZone without a schedule', () => {
    expect(faultsOf({ ...AZ, scheduleTimeZone: 'Asia/Dubai' })).toEqual([
      "scheduleTimeZone is of schedule, got 'Asia/Dubai' without it: leave scheduleTimeZone out",
    ]);
  });

  test('no backup that stays', () => {
    const none = { backupKeepHourly: 0, backupKeepDaily: 0, backupKeepWeekly: 0 };
    expect(faultsOf({ ...AZ, ...none })).toEqual([
      "backupKeepHourly, backupKeepDaily and backupKeepWeekly must not all be 0, got '0' for each: one must be 1 or more",
    ]);
    for (const key of Object.keys(none)) expect(faultsOf({ ...AZ, ...none, [key]: 1 })).toEqual([]);
  });

  test('a name that leaves the bucket no room in a region with a longer name', () => {
    const stack = 'x'.repeat(21);
    expect(faultsOf({ az: 'ap-southeast-1a', stack })).toEqual([expect.stringContaining('stack must be 1 to 19 ')]);
    expect(`openclaw-backup-${'x'.repeat(19)}-123456789012-ap-southeast-1`).toHaveLength(63);
  });

  test('all at once, one line each', () => {
    const faults = faultsOf({ az: 'foo', market: 'cheap', backup: 'on', rootVolumeSizeGib: 'abc', stak: 'x' });
    expect(faults.map((line) => line.split(' ')[0]).sort()).toEqual([
      'az',
      'backup',
      'market',
      'rootVolumeSizeGib',
      'unknown',
    ]);
    expect(faults.join('\n').split('\n')).toHaveLength(5);
  });
});

describe('unknown keys', () => {
  test.each([
    ['instancetype', 'instanceType'],
    ['instance_type', 'instanceType'],
    ['instance-type', 'instanceType'],
    ['intsanceType', 'instanceType'],
    ['AZ', 'az'],
    ['azs', 'az'],
    ['availabilityZone', 'az'],
    ['stak', 'stack'],
    ['images', 'image'],
    ['backups', 'backup'],
    ['backupIntervalMinute', 'backupIntervalMinutes'],
    ['backupInterval', 'backupIntervalMinutes'],
    ['rootVolumeSizeGiB', 'rootVolumeSizeGib'],
    ['root_volume_size_gib', 'rootVolumeSizeGib'],
    ['rootVolumeSize', 'rootVolumeSizeGib'],
    ['autoApproveDevice', 'autoApproveDevices'],
    ['alarmMail', 'alarmEmail'],
    ['spotPrice', 'maxPrice'],
    ['price', 'maxPrice'],
    ['email', 'alarmEmail'],
    ['type', 'instanceType'],
    ['instance', 'instanceType'],
    ['region', 'az'],
    ['interval', 'backupIntervalMinutes'],
    ['spot', 'market'],
    ['size', 'rootVolumeSizeGib'],
    ['imageTag', 'image'],
  ])('%s was meant to be %s', (key, meant) => {
    expect(faultsOf({ ...AZ, [key]: 'x' })).toEqual([
      expect.stringContaining(
        `unknown configuration key '${key}' (value 'x'). Did you mean ${meant}? Known keys: az, `,
      ),
    ]);
  });

  test.each(['stage', 'env', 'team', 'retention', 'a.b', ''])(
    '%j is refused, though nobody can tell what was meant',
    (key) => {
      expect(faultsOf({ ...AZ, [key]: 'x' })).toEqual([
        expect.stringContaining(`unknown configuration key '${key}' (value 'x'). Known keys: az, `),
      ]);
    },
  );

  test.each([
    '@aws-cdk/core:stackRelativeExports',
    'aws:cdk:enable-path-metadata',
    'availability-zones:account=123456789012:region=me-central-1',
    'ami:account=123456789012',
    'cli-telemetry',
    'acknowledged-issue-numbers',
  ])('%s is left alone', (key) => {
    expect(faultsOf({ ...AZ, [key]: 'x' })).toEqual([]);
  });

  test('the feature flags of cdk.json are left alone', () => {
    expect(faultsOf({ ...AZ, ...FLAGS })).toEqual([]);
  });
});
