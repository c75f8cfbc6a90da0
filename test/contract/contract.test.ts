// What TypeScript, Python, bash, systemd and the documents must agree on: a change of one side alone fails here.
import declared from '../../assets/machine/usr/local/lib/openclaw/aws/metrics.json';
import { parseConfig } from '../../lib/config/config';
import { KEYS, SETTINGS } from '../../lib/config/settings';
import { HANDOVER_KEY } from '../../lib/operator/state/handover';
import { RESTORE_KEY } from '../../lib/operator/state/restore-at-boot';
import { TAG, VERSION } from '../../lib/operator/upgrade/version';
import { synthesize, type Resource } from '../lib/support/synthesize';
import { all, column, constant, document, file, library, one, program, strings, texts, unit } from './machine';

const template = synthesize({}, '123456789012');
const mirrored = synthesize({ backup: 'mirror' }, '123456789012');
const whole = JSON.stringify([template.toJSON(), mirrored.toJSON()]);
const machineCode = Object.entries({ ...texts('usr'), ...texts('opt') })
  .filter(([name]) => !name.endsWith('metrics.json') && !name.includes('/models/'))
  .map(([, text]) => text)
  .join('\n');

const full = synthesize({ observability: 'full' }, '123456789012');

function resources(type: string, of = template): Resource[] {
  return Object.values(of.findResources(type)) as Resource[];
}

describe('metrics', () => {
  const names = Object.keys(declared);
  const dashboard = JSON.stringify(resources('AWS::CloudWatch::Dashboard', full));
  const alarms = JSON.stringify([full, template].map((one) => resources('AWS::CloudWatch::Alarm', one)));

  test.each(names)('%s is published by the machine', (name) => {
    expect(machineCode).toMatch(new RegExp(`"${name}"|publish_metric ${name}\\b`));
  });

  test.each(names)('%s is looked at by an alarm or the dashboard', (name) => {
    expect(alarms.includes(`"${name}"`) || dashboard.includes(`\\"${name}\\"`)).toBe(true);
  });

  test('no program publishes one that is not declared', () => {
    const shell = all(machineCode, /publish_metric ([A-Z]\w+) [\d"$]/g);
    const python = [...machineCode.matchAll(/(?:metrics\.publish\w*\([^)]*?|values = |values: [^=]*= )(\{[^}]*\})/gs)];
    const calls = machineCode.split('\n').filter((line) => line.includes('metrics.publish'));
    const published = [...python.map((match) => match[1] ?? ''), ...calls].flatMap((text) =>
      all(text, /"([A-Z]\w+)":/g),
    );
    expect(published.length).toBeGreaterThan(8);
    expect([...shell, ...published].filter((name) => !names.includes(name))).toEqual([]);
  });

  test("the agent's are those that it collects", () => {
    const collected = all(file('etc/openclaw/cloudwatch-agent.template.json'), /"(\w+_(?:percent|active))"/g);
    const declaredHere = names.filter((name) => name.endsWith('_percent'));
    expect(collected.filter((name) => name !== 'cpu_usage_active')).toEqual(declaredHere);
    const looked = all(alarms + dashboard.replaceAll('\\', ''), /"((?:cpu|mem|swap|disk)_\w+)"/g);
    expect(looked.filter((name) => !collected.includes(name))).toEqual([]);
    expect(collected.filter((name) => !looked.includes(name))).toEqual([]);
  });
});

describe('observability', () => {
  const heartbeat = library('lifecycle/heartbeat');

  test('the modes are the same', () => {
    for (const mode of ['lean', 'full']) {
      expect(parseConfig({ az: 'me-central-1a', observability: mode }).observability).toBe(mode);
    }
    for (const side of [library('aws/metrics'), program('report-ready'), program('configure-cloudwatch')]) {
      expect(side).toMatch(/[!=]= "?lean\b/);
    }
  });

  /** Periods of a metric of the machine's, in the alarms that look at it. */
  const periodsOf = (metric: string, of?: Parameters<typeof resources>[1]) =>
    resources('AWS::CloudWatch::Alarm', of)
      .flatMap(({ Properties }) => (Properties.Metrics ?? []) as { MetricStat?: { Metric: object; Period: number } }[])
      .flatMap(({ MetricStat }) =>
        MetricStat && JSON.stringify(MetricStat).includes(`"${metric}"`) ? [MetricStat] : [],
      )
      .map(({ Period }) => Period);

  test('a heartbeat comes in each period of its alarm', () => {
    const minutes = Number(one(unit('openclaw-ready.timer'), /^OnUnitInactiveSec=(\d+)min$/m));
    const [period] = periodsOf('Heartbeat');
    expect(minutes * 60).toBeLessThan(period ?? 0);
  });

  test('a backup is as old for the heartbeat as for the alarm of its own', () => {
    const alarm = resources('AWS::CloudWatch::Alarm', full).find(({ Properties }) =>
      String(Properties.AlarmDescription).startsWith('No backup has succeeded'),
    );
    expect(Number(one(heartbeat, /^INTERVALS = (\d+)$/m))).toBe(alarm?.Properties.EvaluationPeriods);
    expect(one(heartbeat, /"BACKUP_INTERVAL_MINUTES", "(\d+)"/)).toBe(
      String(parseConfig({ az: 'me-central-1a' }).backupIntervalMinutes),
    );
    const often = synthesize({ observability: 'full', backupIntervalMinutes: 1 }, '123456789012');
    expect(periodsOf('BackupSuccess', often)).toContain(Number(one(heartbeat, /^SHORTEST_MINUTES = (\d+)$/m)) * 60);
  });
});

describe('logs', () => {
  const agent = JSON.parse(file('etc/openclaw/cloudwatch-agent.template.json')) as {
    logs: { logs_collected: { journald: { collect_list: { log_group_name: string; units?: string[] }[] } } };
  };
  const lists = agent.logs.logs_collected.journald.collect_list;
  const made = resources('AWS::Logs::LogGroup').map(({ Properties }) => String(Properties.LogGroupName));

  test('the agent writes to groups that the stack makes', () => {
    for (const { log_group_name: group } of lists) {
      expect(made).toContain(group.replace('@LOG_GROUP_PREFIX@', '/openclaw/dev'));
    }
  });

  test('a failed deploy names one of them', () => {
    for (const group of all(program('first-start'), /group=([a-z]+)/g))
      expect(made).toContain(`/openclaw/dev/${group}`);
  });

  test('each of our services is shipped', () => {
    const shipped = lists.flatMap(({ units = [] }) => units);
    const ours = Object.keys(texts('etc/systemd/system'))
      .map((name) => name.replace('etc/systemd/system/', ''))
      .filter((name) => /^openclaw[\w-]*\.service$/.test(name));
    expect(ours.filter((name) => !shipped.includes(name))).toEqual([]);
    expect(shipped.filter((name) => name.startsWith('openclaw') && !ours.includes(name))).toEqual([]);
  });
});

describe('names', () => {
  test('the drain completes the hook that the group has', () => {
    expect(whole).toContain(`"LifecycleHookName":${constant('lifecycle/drain', 'HOOK')}`);
  });

  test('the machine may make the parameters that it makes, and no others', () => {
    const [token] = strings(constant('service/secrets', 'REQUIRED'));
    const [password] = strings(constant('state/engines/restic/program', 'PASSWORD'));
    const image = one(library('service/image'), /^PARAMETER = f"\{os\.environ\['PARAMETER_PATH'\]\}\/(\w+)"/m);
    const statements = resources('AWS::IAM::Policy').flatMap(
      ({ Properties }) => (Properties.PolicyDocument as { Statement: Record<string, unknown>[] }).Statement,
    );
    const put = statements.filter((one) => JSON.stringify(one.Action).includes('ssm:PutParameter'));
    const allowed = all(JSON.stringify(put.map((one) => one.Resource)), /parameter\/openclaw\/dev\/([\w/-]+)/g);
    const [key, signedFrom] = strings(one(library('state/guards/state_key'), /^NAME, SIGNED_FROM = (.*)$/m));
    const [engine] = strings(constant('state/guards/engine_record', 'NAME'));
    expect(allowed).toEqual([`env/${token ?? ''}`, image, password, key, signedFrom, engine].sort());
  });

  test('the signal names the group resource and the stack that there are', () => {
    const userData = JSON.stringify(resources('AWS::EC2::LaunchTemplate'));
    expect(userData).toContain('STACK=openclaw-dev');
    expect(userData).toContain('RESOURCE=Group');
    expect(Object.keys(template.findResources('AWS::AutoScaling::AutoScalingGroup'))).toEqual(['Group']);
  });

  test("machine.env has what the machine's programs read, and no more", () => {
    const environment = all(
      JSON.stringify(resources('AWS::AutoScaling::AutoScalingGroup').map(({ Metadata }) => Metadata)),
      /(?:\\n|")([A-Z][A-Z_]+)=/g,
    );
    const ours = Object.entries(texts())
      .filter(([name]) => !name.includes('/models/'))
      .map(([, text]) => text)
      .join('\n');
    // One is read by AWS's programs alone; the other is there to be part of the metadata's fingerprint.
    for (const name of environment.filter((one) => !['AWS_DEFAULT_REGION', 'LAUNCHED_AS'].includes(one))) {
      expect([name, new RegExp(`\\b${name}\\b`).test(ours)]).toEqual([name, true]);
    }
    const read = all(machineCode, /(?:os\.environ|env)(?:\.get\(|\[)['"]([A-Z][A-Z_]+)['"]/g);
    // Of systemd, of Docker, of AWS's own programs, and what the tests and an operator may set.
    const foreign = /^(?:OPENCLAW_|PATH$|NOTIFY_SOCKET|DOCKER_CONFIG|SYSTEMD_|AWS_(?:MAX|ENDPOINT)|.*_SECONDS$)/;
    expect(read.filter((name) => !foreign.test(name) && !environment.includes(name))).toEqual([]);
  });
});

describe('the state bucket', () => {
  const keys = {
    mirror: strings(constant('state/engines/mirror/names', 'PREFIX'))[0]?.split('/')[0],
    snapshots: strings(constant('state/engines/restic/program', 'PREFIX'))[0]?.replace('/', ''),
    request: strings(constant('state/restore/request', 'KEY'))[0],
    adopt: strings(constant('state/adopt/adopt', 'PREFIX'))[0]?.replace('/', ''),
  };

  test('what the machine removes is what it may remove', () => {
    const removable = all(whole, /"\/((?:[a-z.]+\/\*)|[a-z]+\.json)"/g);
    for (const key of [`${keys.mirror ?? ''}/*`, `${keys.snapshots ?? ''}/*`, keys.request, `${keys.adopt ?? ''}/*`]) {
      expect(removable).toContain(key);
    }
  });

  test('the tool asks for a restore where the machine looks', () => {
    expect(keys.request).toBe(RESTORE_KEY);
  });

  test("the tool reads of a machine's end what the machine writes", () => {
    expect(strings(constant('lifecycle/handover', 'KEY'))).toEqual([HANDOVER_KEY]);
    const fields = all(one(library('lifecycle/handover'), /^FIELDS = \{\n(.*?)^\}/ms), /^ {4}"(\w+)":/gm);
    expect(fields).toEqual(expect.arrayContaining(['instance', 'clean', 'set_aside']));
  });

  test('its objects are those of the design', () => {
    const documented = column('docs/design.md', 'Objects in the bucket', 1).join(' ');
    const written = [
      ...strings(constant('state/guards/lease', 'KEY')),
      ...strings(constant('state/guards/lease', 'WANTED')),
      ...strings(constant('lifecycle/handover', 'KEY')),
      ...strings(constant('state/guards/stopped', 'KEY')),
      ...Object.values(keys).map((key) => key ?? ''),
      ...strings(constant('state/engines/mirror/names', 'INTENTS')),
    ];
    expect(written.filter((key) => !documented.includes(key))).toEqual([]);
  });

  test('what was set aside stays as long with either engine', () => {
    const days = Number(one(library('state/backup/retention'), /ASIDE = timedelta\(days=(\d+)\)/));
    const rules = JSON.stringify(resources('AWS::S3::Bucket'));
    expect(rules).toMatch(new RegExp(`"ExpirationInDays":${days},"Id":"Aside"`));
  });
});

describe('settings', () => {
  const defaults = parseConfig({ az: 'me-central-1a' });
  const readme = Object.fromEntries(
    one(document('README.md'), /\n## Settings\n(.*?)\n## /s)
      .split('\n')
      .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')))
      .filter((cells) => cells.length > 3)
      .map((cells) => [cells[1], cells[2]]),
  ) as Record<string, string>;

  test.each([
    ['backupKeepHourly', 'BACKUP_KEEP_HOURLY'],
    ['backupKeepDaily', 'BACKUP_KEEP_DAILY'],
    ['backupKeepWeekly', 'BACKUP_KEEP_WEEKLY'],
  ] as const)('the default of %s is the same everywhere', (key, variable) => {
    expect(one(library('settings'), new RegExp(`"${variable}", "(\\d+)"`))).toBe(String(defaults[key]));
    expect(readme[key]).toBe(String(defaults[key]));
  });

  test("README's table has every setting with its default, and no other", () => {
    const inWords = { image: 'pinned OpenClaw release' };
    const rows = Object.fromEntries(
      KEYS.map((key): [string, unknown] => {
        const { fallback = readme[key] }: { fallback?: string | undefined; meaning: string } = SETTINGS[key];
        return [key, key in inWords ? inWords.image : fallback];
      }),
    );
    const { key: _head, ...table } = readme;
    expect(Object.fromEntries(Object.entries(table).filter(([key]) => !key.startsWith('-')))).toEqual(rows);
  });

  test('the default interval is the same everywhere', () => {
    const minutes = String(defaults.backupIntervalMinutes);
    const generator = file('etc/systemd/system-generators/openclaw-generator');
    expect(one(generator, /BACKUP_INTERVAL_MINUTES=(\d+)/)).toBe(minutes);
    expect(one(unit('openclaw-backup.timer'), /^OnBootSec=(\d+)min$/m)).toBe(minutes);
    expect(one(unit('openclaw-backup.timer'), /^OnUnitInactiveSec=(\d+)min$/m)).toBe(minutes);
    expect(readme.backupIntervalMinutes).toBe(minutes);
  });

  test('the engines are the same', () => {
    const engines = strings(constant('settings', 'ENGINES'));
    for (const backup of engines) expect(parseConfig({ az: 'me-central-1a', backup }).backup).toBe(backup);
    const classes = all(one(library('state/engines/__init__'), /_CLASSES[^=]*= \{(.*)\}/), /"(\w+)":/g);
    expect([...classes, 'off'].sort()).toEqual([...engines].sort());
  });
});

describe('OpenClaw', () => {
  const roots = strings(constant('state/openclaw_data/layout', 'ROOTS'));
  const owner = constant('state/openclaw_data/layout', 'OWNER');
  const compose = file('opt/openclaw/docker-compose.yaml');

  test.each(roots)('%s is made, owned and mounted', (root) => {
    expect(file('etc/tmpfiles.d/openclaw.conf')).toMatch(
      new RegExp(`^d /opt/openclaw/${root.replace('.', '\\.')} +\\d+ ${owner} ${owner} -$`, 'm'),
    );
    expect(compose).toContain(`- /opt/openclaw/${root}:/home/node/`);
  });

  test('its state is looked for where it is mounted', () => {
    const [seen] = strings(one(library('state/openclaw_data/layout'), /^SEEN = PurePosixPath\((.*)\)$/m));
    expect(compose).toContain(`/opt/openclaw/.openclaw:${seen ?? '-'}\n`);
    expect(strings(constant('lifecycle/gateway', 'STATE'))).toEqual([seen]);
  });

  test('the drain knows who ended it: its grace is shorter than that of Compose', () => {
    const grace = Number(one(compose, /stop_grace_period: (\d+)s/));
    expect(program('stop-gateway')).toContain(`--timeout ${grace} `);
    expect(program('post-stop')).toContain(`--timeout ${grace}`);
    expect(Number(one(library('lifecycle/drain'), /"OPENCLAW_DRAIN_GRACE", "(\d+)"/))).toBeLessThan(grace);
  });
});

describe('waits', () => {
  const seconds = (name: string) => Number(one(library('settings'), new RegExp(`"${name}", "(\\d+)"`)));

  test('a drain ends before systemd ends it, and before the next machine stops waiting for it', () => {
    const longest = Number(constant('lifecycle/notice', 'LONG'));
    const stop = Number(one(unit('openclaw-drain.service'), /^TimeoutStopSec=(\d+)$/m));
    expect(longest).toBeLessThan(stop);
    expect(stop).toBeLessThanOrEqual(seconds('LEASE_ENDING_WAIT_SECONDS'));
  });

  test('what the drain waits for leaves it time within the patience of the next machine', () => {
    expect(Number(constant('lifecycle/drain', 'RUNNING_BACKUP'))).toBeLessThan(seconds('LEASE_WAIT_SECONDS') / 2);
  });

  test('the timers that a stop takes along are those that the service brings', () => {
    const stopped = all(one(library('lifecycle/gateway'), /BY_THE_CLOCK = \[(.*?)\]/s), /"([\w-]+\.timer)"/g);
    const wanted = all(file('etc/systemd/system-generators/openclaw-generator'), /want ([\w-]+\.timer)/g);
    expect(stopped).toEqual(wanted);
  });
});

describe('exit statuses', () => {
  const errors = library('system/errors');
  const status = (name: string) => one(errors, new RegExp(`class ${name}\\(.*?exit_code = (\\d+)`, 's'));

  test('the drain knows those of the backup', () => {
    expect(constant('lifecycle/drain', 'NO_SPACE')).toBe(status('NoSpace'));
    expect(constant('lifecycle/drain', 'FENCED')).toBe(status('Fenced'));
    expect(constant('lifecycle/drain', 'SET_ASIDE')).toBe(status('SetAside'));
    expect(one(library('lifecycle/drain'), /^FINAL = \(NO_SPACE, FENCED, (\d+), SET_ASIDE\)$/m)).toBe(
      status('Refused'),
    );
  });

  test('no unit tries again what a person has to mend', () => {
    for (const name of ['openclaw-restore.service', 'openclaw.service']) {
      expect(one(unit(name), /^RestartPreventExitStatus=(.*)$/m).split(' ')).toContain(status('Refused'));
    }
    expect(program('replace-unhealthy')).toContain(`== ${status('Refused')} ]]`);
  });

  test('the design lists them all', () => {
    const listed = all(document('docs/design.md').split('## Exit statuses')[1] ?? '', /^\| +(\d+) \|/gm);
    expect(listed).toEqual(all(errors, /exit_code = (\d+)/g).filter((code) => code !== '1'));
  });
});

describe('versions of OpenClaw', () => {
  const versions = library('state/openclaw_data/versions');

  test('are read alike', () => {
    expect(one(versions, /^_VERSION = r"(.*)"$/m)).toBe(VERSION);
    expect(one(versions, /^_TAG = re\.compile\(rf"(.*)"\)$/m).replace('{_VERSION}', VERSION)).toBe(TAG.source);
  });
});

describe('marker files', () => {
  const documented = column('docs/design.md', 'Marker files', 1);

  test.each(documented)('%s is written or read by the machine', (name) => {
    const written = name.replace('<metric>', '{name}').replace(/[.{}]/g, '\\$&');
    expect(machineCode).toMatch(new RegExp(`["'/]${written}\\b`));
  });

  test('the mark of a stop is the same to all', () => {
    const [mark] = strings(constant('state/guards/stopped', 'MARK'));
    for (const name of ['post-stop', 'stay-stopped', 'report-ready', 'replace-unhealthy', 'first-start']) {
      expect(program(name)).toMatch(new RegExp(`(VAR|RUN|openclaw)}?/${mark ?? '-'}\\b`));
    }
    for (const name of ['lifecycle/drain', 'lifecycle/replacement'])
      expect(library(name)).toContain(`(VAR, "${mark ?? '-'}")`);
    expect(documented.filter((name) => name === mark)).toHaveLength(2);
  });

  test('the design lists each once, and all that the programs in bash write', () => {
    const [volume = [], run = []] = ['In `/var/lib/openclaw`', 'In `/run/openclaw`'].map((title) =>
      (document('docs/design.md').split(title)[1] ?? '')
        .split(/\n(?=In |## )/, 1)
        .flatMap((section) => section.split('\n'))
        .filter((line) => line.startsWith('| `'))
        .flatMap((line) => all(line.split('|')[1] ?? '', /`([^`]+)`/g)),
    );
    for (const names of [volume, run]) expect(names).toEqual([...new Set(names)]);
    const written = (variable: string) =>
      all(machineCode, new RegExp(`>"\\$${variable}/([\\w.-]+)"`, 'g')).map((name) => name.replace(/\.new$/, ''));
    expect(written('RUN').filter((name) => !run.includes(name))).toEqual([]);
    expect(written('VAR').filter((name) => !volume.includes(name))).toEqual([]);
    expect(written('RUN')).not.toEqual([]);
  });

  test('the design lists those of the guards', () => {
    const used = all(library('state/guards/markers'), /settings\.var \/ "([\w.-]+)"/g);
    expect(used.filter((name) => !documented.includes(name))).toEqual([]);
  });
});
