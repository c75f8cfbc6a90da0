import { synthesize, type Resource } from '../support/synthesize';

const template = synthesize();
const KEPT = ['snapshots/config', 'lease.json', 'handover.json', 'tools/', 'aside/'].map((prefix) => ({ prefix }));
const NAME = 'openclaw-backup-dev-123456789012-me-central-1';

/** What a rule looks for, by the beginning of its logical id. */
function ruleOf(id: string): { readonly id: string; readonly detail: Record<string, unknown> } {
  const rules = Object.entries(template.findResources('AWS::Events::Rule')) as [string, Resource][];
  const [found] = rules.filter(([key]) => key.startsWith(`DeleteWatch${id}Rule`));
  if (!found) throw new Error(`no rule ${id}`);
  const pattern = found[1].Properties.EventPattern as Record<string, unknown>;
  expect(pattern).toMatchObject({ source: ['aws.s3'], 'detail-type': ['Object Deleted'] });
  return { id: found[0], detail: pattern.detail as Record<string, unknown> };
}

test('the bucket tells EventBridge, and no function sets that up', () => {
  template.hasResourceProperties('AWS::S3::Bucket', {
    NotificationConfiguration: { EventBridgeConfiguration: { EventBridgeEnabled: true } },
  });
  template.resourceCountIs('AWS::Lambda::Function', 0);
});

test.each(['HistoryDeleted', 'BackupsDeleted'])('%s hears of this bucket, and of no expiration', (id) => {
  expect(ruleOf(id).detail).toMatchObject({ bucket: { name: [NAME] }, reason: ['DeleteObject'] });
});

test('one deleted version, or one object that no machine deletes, is one too many', () => {
  const { id, detail } = ruleOf('HistoryDeleted');
  expect(detail).toMatchObject({
    $or: [{ 'deletion-type': ['Permanently Deleted'] }, { object: { key: KEPT } }],
  });
  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    Namespace: 'AWS/Events',
    MetricName: 'MatchedEvents',
    Dimensions: [{ Name: 'RuleName', Value: { Ref: id } }],
    Period: 300,
    Threshold: 0,
    ComparisonOperator: 'GreaterThanThreshold',
  });
});

test.each([
  [20, 72],
  [1, 1440],
  [1440, 1],
])('with a backup every %i minutes, more than %i deleted in a day are too many', (backupIntervalMinutes, threshold) => {
  synthesize({ backupIntervalMinutes }).hasResourceProperties('AWS::CloudWatch::Alarm', {
    Namespace: 'AWS/Events',
    Dimensions: [{ Name: 'RuleName', Value: { Ref: ruleOf('BackupsDeleted').id } }],
    Period: 86400,
    Threshold: threshold,
  });
});

test('with backup=off there is nothing to watch', () => {
  synthesize({ backup: 'off' }).resourceCountIs('AWS::Events::Rule', 0);
});
