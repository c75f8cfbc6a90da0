import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { Match, type Template } from 'aws-cdk-lib/assertions';
import { GRAPHS } from '../../../lib/constructs/graphs';
import { DECLARED, type OwnMetric } from '../../../lib/constructs/machine-metrics';
import { only, REPOSITORY, synthesize, type Resource } from '../support/synthesize';

const FULL = { observability: 'full' };
const template = synthesize({ ...FULL, alarmEmail: 'ops@example.com', logRetentionDays: 30 });
const topic = only(template, 'AWS::SNS::Topic').id;

function alarmsOf(of = template): Record<string, Record<string, unknown>> {
  const alarms = Object.entries(of.findResources('AWS::CloudWatch::Alarm')) as [string, Resource][];
  return Object.fromEntries(
    alarms.map(([id, { Properties }]) => [id.replace(/^ObservabilityAlarms(.*)[0-9A-F]{8}$/, '$1'), Properties]),
  );
}

describe('log groups', () => {
  test.each(['system', 'gateway', 'operations', 'flow-logs'])('%s forgets in time and goes with the stack', (name) => {
    template.hasResource('AWS::Logs::LogGroup', {
      Properties: { LogGroupName: `/openclaw/dev/${name}`, RetentionInDays: 30 },
      DeletionPolicy: 'Delete',
    });
  });
});

/** Of an alarm on silence: what the machine says, or 1 where the group wants no machine. */
function unlessPaused(metric: string, statistic: string, period: number): unknown {
  const of = (Metric: object, Stat: string) => ({ MetricStat: { Metric, Stat, Period: period }, ReturnData: false });
  return [
    expect.objectContaining({ Expression: 'MAX([said, 1 - desired])' }),
    { Id: 'said', ...of({ Namespace: 'OpenClaw/dev', MetricName: metric }, statistic) },
    {
      Id: 'desired',
      ...of(
        {
          Namespace: 'AWS/AutoScaling',
          MetricName: 'GroupDesiredCapacity',
          Dimensions: [{ Name: 'AutoScalingGroupName', Value: 'openclaw-dev' }],
        },
        'Minimum',
      ),
    },
  ];
}

test('the group says how many machines it wants, which alarms on silence look at', () => {
  expect(only(synthesize(), 'AWS::AutoScaling::AutoScalingGroup').Properties.MetricsCollection).toEqual([
    { Granularity: '1Minute', Metrics: ['GroupDesiredCapacity'] },
  ]);
});

describe('alarms', () => {
  test('each tells the topic when it goes off and when it is over', () => {
    for (const [name, alarm] of Object.entries(alarmsOf())) {
      expect([name, alarm.AlarmActions, alarm.OKActions]).toEqual([name, [{ Ref: topic }], [{ Ref: topic }]]);
      expect(alarm.AlarmDescription).toMatch(/\w+/);
    }
  });

  const group = [{ Name: 'AutoScalingGroupName', Value: 'openclaw-dev' }];
  test.each([
    [
      'ServiceNotReady',
      { Metrics: unlessPaused('ServiceReady', 'Maximum', 300), Threshold: 1, ComparisonOperator: 'LessThanThreshold' },
      'breaching',
    ],
    [
      'InstanceStatus',
      { Namespace: 'AWS/EC2', MetricName: 'StatusCheckFailed', Dimensions: group, Threshold: 0 },
      'notBreaching',
    ],
    [
      'DiskFull',
      { Namespace: 'OpenClaw/dev', MetricName: 'disk_used_percent', Dimensions: group, Threshold: 85 },
      'notBreaching',
    ],
    [
      'MemoryPressure',
      { Namespace: 'OpenClaw/dev', MetricName: 'mem_used_percent', Dimensions: group, Threshold: 90 },
      'notBreaching',
    ],
    [
      'SwapPressure',
      { Namespace: 'OpenClaw/dev', MetricName: 'swap_used_percent', Dimensions: group, Threshold: 75 },
      'notBreaching',
    ],
    [
      'StartRefused',
      {
        Namespace: 'OpenClaw/dev',
        MetricName: 'StartRefused',
        Threshold: 0,
        ComparisonOperator: 'GreaterThanThreshold',
      },
      'notBreaching',
    ],
    [
      'ChannelsFailing',
      {
        Namespace: 'OpenClaw/dev',
        MetricName: 'ChannelsFailing',
        Threshold: 0,
        ComparisonOperator: 'GreaterThanThreshold',
        EvaluationPeriods: 3,
      },
      'notBreaching',
    ],
    [
      'KilledForMemory',
      {
        Namespace: 'OpenClaw/dev',
        MetricName: 'KilledForMemory',
        Threshold: 0,
        ComparisonOperator: 'GreaterThanThreshold',
      },
      'notBreaching',
    ],
    [
      'ExtrasMissing',
      {
        Namespace: 'OpenClaw/dev',
        MetricName: 'ExtrasMissing',
        Statistic: 'Maximum',
        Threshold: 0,
        ComparisonOperator: 'GreaterThanThreshold',
      },
      'ignore',
    ],
    [
      'DrainNotClean',
      { Namespace: 'OpenClaw/dev', MetricName: 'DrainClean', Threshold: 1, ComparisonOperator: 'LessThanThreshold' },
      'notBreaching',
    ],
    [
      'BackupFailed',
      {
        Namespace: 'OpenClaw/dev',
        MetricName: 'BackupSuccess',
        Statistic: 'Minimum',
        Threshold: 1,
        ComparisonOperator: 'LessThanThreshold',
      },
      'notBreaching',
    ],
    [
      'DatabaseUnreadable',
      {
        Namespace: 'OpenClaw/dev',
        MetricName: 'BackupDatabaseUnreadable',
        Statistic: 'Maximum',
        Threshold: 0,
        ComparisonOperator: 'GreaterThanThreshold',
      },
      'notBreaching',
    ],
    [
      'RestoreFailed',
      { Namespace: 'OpenClaw/dev', MetricName: 'RestoreSuccess', Statistic: 'Minimum', Threshold: 1 },
      'notBreaching',
    ],
    [
      'RestoreSkipped',
      {
        Namespace: 'OpenClaw/dev',
        MetricName: 'RestoreSkippedSnapshots',
        Statistic: 'Maximum',
        Threshold: 0,
        ComparisonOperator: 'GreaterThanThreshold',
      },
      'notBreaching',
    ],
    ['Fenced', { Namespace: 'OpenClaw/dev', MetricName: 'Fenced', Statistic: 'Maximum', Threshold: 0 }, 'notBreaching'],
    [
      'PruneFailed',
      {
        Namespace: 'OpenClaw/dev',
        MetricName: 'PruneSuccess',
        Statistic: 'Minimum',
        Threshold: 1,
        ComparisonOperator: 'LessThanThreshold',
      },
      'notBreaching',
    ],
    [
      'DrillFailed',
      { Namespace: 'OpenClaw/dev', MetricName: 'DrillSuccess', Statistic: 'Minimum', Threshold: 1 },
      'notBreaching',
    ],
    [
      'BackupTooOld',
      {
        Metrics: unlessPaused('BackupSuccess', 'Sum', 20 * 60),
        Threshold: 1,
        ComparisonOperator: 'LessThanThreshold',
        EvaluationPeriods: 3,
      },
      'breaching',
    ],
  ])('%s', (name, properties, silence) => {
    expect(alarmsOf()[name]).toMatchObject({ ...properties, TreatMissingData: silence });
  });

  test.each([
    [1, 600],
    [60, 3600],
    [1440, 86400],
  ])('a backup every %i minutes is looked for in periods of %i s', (backupIntervalMinutes, period) => {
    const alarm = alarmsOf(synthesize({ ...FULL, backupIntervalMinutes })).BackupTooOld;
    expect(alarm).toMatchObject({ Metrics: unlessPaused('BackupSuccess', 'Sum', period), EvaluationPeriods: 3 });
  });

  test('watch no backup with backup=off', () => {
    expect(Object.keys(alarmsOf(synthesize({ ...FULL, backup: 'off' }))).sort()).toEqual([
      'ChannelsFailing',
      'DiskFull',
      'ExtrasMissing',
      'InstanceStatus',
      'KilledForMemory',
      'MemoryPressure',
      'ServiceNotReady',
      'StartRefused',
      'SwapPressure',
    ]);
  });
});

describe('with observability=lean', () => {
  const lean = synthesize();

  test('one alarm hears of a machine that says nothing, and no other metric has one', () => {
    expect(alarmsOf(lean)).toEqual({
      NoHeartbeat: expect.objectContaining({
        Metrics: unlessPaused('Heartbeat', 'Maximum', 300),
        Threshold: 1,
        ComparisonOperator: 'LessThanThreshold',
        EvaluationPeriods: 3,
        TreatMissingData: 'breaching',
      }) as unknown,
      ...Object.fromEntries(
        Object.keys(alarmsOf(lean))
          .filter((name) => name.startsWith('DeleteWatch'))
          .map((name) => [name, expect.anything() as unknown]),
      ),
    });
    lean.resourceCountIs('AWS::CloudWatch::Dashboard', 0);
  });

  test('the machine is told so, and may tell the topic', () => {
    expect(JSON.stringify(only(lean, 'AWS::AutoScaling::AutoScalingGroup').Metadata)).toContain('OBSERVABILITY=lean');
    lean.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Action: 'sns:Publish', Resource: { Ref: only(lean, 'AWS::SNS::Topic').id } }),
        ]),
      },
    });
  });

  // docs/monitoring.md maps each alarm of full to what tells of the same with lean.
  const rows = readFileSync(path.join(REPOSITORY, 'docs', 'monitoring.md'), 'utf8')
    .split('\n')
    .flatMap((line) => [/^\| `(\w+)`.*? \| (.*?) +\|$/.exec(line)?.slice(1) ?? []])
    .filter(([, by]) => /^(alarm|the machine:) /.test(by ?? '')) as [string, string][];
  const paying = { cpuCredits: 'unlimited' };
  const namesOf = (of: Template) =>
    Object.keys(of.findResources('AWS::CloudWatch::Alarm')).map((id) =>
      id.replace(/^(?:ObservabilityAlarms|DeleteWatch)(.*)[0-9A-F]{8}$/, '$1'),
    );

  test('the documentation says for each alarm of full who tells of its fault', () => {
    expect(rows.map(([alarm]) => alarm).sort()).toEqual(namesOf(synthesize({ ...FULL, ...paying })).sort());
  });

  test.each(rows)('%s is told by %s', (alarm, by) => {
    const [, other] = /^alarm `(\w+)`/.exec(by) ?? [];
    if (other !== undefined) {
      expect(namesOf(synthesize(paying))).toContain(other);
      return;
    }
    const [, metric = ''] = /^the machine: `(\w+)` /.exec(by) ?? [];
    const fault = DECLARED[metric as OwnMetric].fault;
    expect(fault?.alarm).toBe(alarm);
    const bound = fault?.below === undefined ? `above ${fault?.above ?? ''}` : `below ${fault.below}`;
    expect(by.split('` ')[1]).toBe(`${bound}${fault?.minutes ? `, for ${fault.minutes} minutes` : ''}`);
  });

  const queries = Object.values(lean.findResources('AWS::Logs::QueryDefinition') as Record<string, Resource>).map(
    ({ Properties }) => Properties as { Name: string; QueryString: string; LogGroupNames: unknown[] },
  );

  test('each graph of the dashboard is a saved query of the group that the machine writes to', () => {
    const [group] = Object.entries(lean.findResources('AWS::Logs::LogGroup')).find(
      ([, { Properties }]) => (Properties as { LogGroupName: string }).LogGroupName === '/openclaw/dev/operations',
    ) ?? ['none'];
    expect(queries.map(({ Name }) => Name)).toEqual(
      [...GRAPHS.map(({ title }) => title), 'Operations'].map((title) => `openclaw-dev/${title}`),
    );
    for (const { LogGroupNames } of queries) expect(LogGroupNames).toEqual([{ Ref: group }]);
    const without = synthesize({ backup: 'off' }).findResources('AWS::Logs::QueryDefinition');
    expect(Object.keys(without)).toHaveLength(GRAPHS.filter(({ backups }) => !backups).length + 1);
  });

  // As openclaw/aws/metrics.py writes it.
  test.each(GRAPHS.map((graph) => [graph.title, graph] as const))('%s finds its figures in a line', (title, graph) => {
    const { QueryString } = queries.find(({ Name }) => Name.endsWith(`/${title}`)) ?? { QueryString: '' };
    const names = Object.keys({ ...graph.left, ...graph.right });
    const line = `{"metrics": {${names.map((name, index) => `"${name}": ${index}.5`).join(', ')}}}`;
    const patterns = (word: string) =>
      [...QueryString.matchAll(new RegExp(`${word} (?:body\\.MESSAGE )?(?:like )?/(.*)/$`, 'gm'))].map(
        ([, pattern = '']) => new RegExp(pattern),
      );
    const [filter] = patterns('filter');
    expect(filter?.test(line)).toBe(true);
    expect(filter?.test('{"event": "backup", "result": "success"}')).toBe(false);
    const found = patterns('parse').map((pattern) => Object.values(pattern.exec(line)?.groups ?? {}));
    expect(found).toEqual(names.map((_, index) => [`${index}.5`]));
    for (const name of names)
      expect(QueryString).toMatch(new RegExp(`stats .*(?:max|min)\\(\\w+\\) as ${name}\\b.* by bin`));
  });
});

describe('CPU that is charged beside the price of the instance', () => {
  test('has an alarm where the setting allows it', () => {
    expect(alarmsOf(synthesize({ cpuCredits: 'unlimited' })).CpuCharged).toMatchObject({
      Namespace: 'AWS/EC2',
      MetricName: 'CPUSurplusCreditsCharged',
      Dimensions: [{ Name: 'AutoScalingGroupName', Value: 'openclaw-dev' }],
      Threshold: 0,
    });
  });

  test.each([{}, { cpuCredits: 'standard' }, { instanceType: 'c7g.large' }])('cannot occur with %j', (context) => {
    expect(alarmsOf(synthesize(context))).not.toHaveProperty('CpuCharged');
  });
});

describe('the topic', () => {
  test('takes no plain HTTP, and alarms of this account', () => {
    template.hasResourceProperties('AWS::SNS::TopicPolicy', {
      Topics: [{ Ref: topic }],
      PolicyDocument: {
        Statement: [
          Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
          Match.objectLike({
            Effect: 'Allow',
            Action: 'sns:Publish',
            Principal: { Service: 'cloudwatch.amazonaws.com' },
            Condition: { StringEquals: { 'aws:SourceAccount': '123456789012' } },
          }),
        ],
      },
    });
  });

  test('mails to alarmEmail, and to nobody without one', () => {
    expect(only(template, 'AWS::SNS::Subscription').Properties).toMatchObject({
      Protocol: 'email',
      Endpoint: 'ops@example.com',
    });
    synthesize().resourceCountIs('AWS::SNS::Subscription', 0);
  });
});

test('the dashboard shows metrics and alarms of this deployment', () => {
  const dashboard = only(template, 'AWS::CloudWatch::Dashboard').Properties;
  expect(dashboard).toMatchObject({ DashboardName: 'openclaw-dev-me-central-1' });
  const body = JSON.stringify(dashboard.DashboardBody);
  // Events are whole journal entries.
  expect(body).toContain('body.MESSAGE');
  for (const name of ['ServiceReady', 'mem_used_percent', 'disk_used_percent', 'BackupBytesSent', 'operations']) {
    expect(body).toContain(name);
  }
});
