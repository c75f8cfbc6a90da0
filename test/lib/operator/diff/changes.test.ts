import { compare, type Changes } from '../../../../lib/operator/diff/changes';
import { commentOf, markerOf, textOf } from '../../../../lib/operator/diff/report';
import type { Template } from '../../../../lib/operator/diff/template';
import { synthesize } from '../../support/synthesize';

const templateOf = (context: Record<string, unknown> = {}) => synthesize(context).toJSON() as Template;
const changed = (context: Record<string, unknown>, before: Record<string, unknown> = {}): Changes =>
  compare(templateOf(before), templateOf(context));

/** A template with one resource otherwise. */
function edited(edit: (resources: Record<string, Record<string, unknown>>) => void): Template {
  const template = structuredClone(templateOf()) as unknown as { Resources: Record<string, Record<string, unknown>> };
  edit(template.Resources);
  return template as unknown as Template;
}
const bucketIn = (resources: Record<string, { Type?: unknown }>) =>
  Object.keys(resources).find((id) => resources[id]?.Type === 'AWS::S3::Bucket') ?? '';

describe('the machine', () => {
  // README's table "What a deploy replaces".
  test.each<[string, Record<string, unknown>]>([
    ['replaced', { az: 'me-central-1b' }],
    ['replaced', { image: 'ghcr.io/openclaw/openclaw:2026.10.1' }],
    ['replaced', { instanceType: 't4g.medium' }],
    ['replaced', { rootVolumeSizeGib: 20 }],
    ['replaced', { market: 'on-demand' }],
    ['replaced', { maxPrice: 0.01 }],
    ['replaced', { cpuCredits: 'unlimited' }],
    ['replaced', { ami: 'ami-0123456789abcdef0' }],
    ['replaced', { backup: 'mirror' }],
    ['replaced', { backupIntervalMinutes: 10 }],
    ['replaced', { autoApproveDevices: true }],
    ['replaced', { observability: 'full' }],
    ['nothing', {}],
    ['nothing', { alarmEmail: 'ops@example.com' }],
    ['nothing', { logRetentionDays: 90 }],
  ])('%s by %j', (effect, context) => {
    expect(changed(context).machine).toBe(effect);
  });

  test('is launched by a first deploy, and data is not at stake', () => {
    const first = compare(undefined, templateOf());
    expect([first.machine, first.stateful]).toEqual(['launched', []]);
  });

  test('ends with its group', () => {
    const without = edited((resources) => {
      Reflect.deleteProperty(resources, 'Group');
    });
    expect(compare(templateOf(), without).machine).toBe('ended');
  });
});

describe('data at stake', () => {
  const stake = (edit: (resources: Record<string, Record<string, unknown>>) => void) =>
    compare(templateOf(), edited(edit)).stateful;

  test('a bucket that leaves the stack', () => {
    expect(changed({ backup: 'off' }).stateful).toEqual([
      expect.stringMatching(/^State\w+ \(AWS::S3::Bucket\) leaves the stack; it stays in the account$/),
    ]);
  });

  test('a bucket that is replaced', () => {
    const found = stake((resources) => {
      const { [bucketIn(resources)]: bucket = {} } = resources;
      bucket.Properties = { ...(bucket.Properties as object), BucketName: 'another' };
    });
    expect(found).toEqual([expect.stringMatching(/\(AWS::S3::Bucket\) is replaced by an empty one$/)]);
  });

  test('a bucket that a destroy would take along', () => {
    const found = stake((resources) => {
      Object.assign(resources[bucketIn(resources)] ?? {}, { DeletionPolicy: 'Delete' });
    });
    expect(found).toEqual([expect.stringMatching(/\(AWS::S3::Bucket\) loses its DeletionPolicy 'Retain'$/)]);
  });

  test('a log group that is deleted', () => {
    const found = stake((resources) => {
      const id = Object.keys(resources).find((name) => resources[name]?.Type === 'AWS::Logs::LogGroup') ?? '';
      Reflect.deleteProperty(resources, id);
    });
    expect(found).toEqual([expect.stringMatching(/\(AWS::Logs::LogGroup\) is deleted$/)]);
  });

  test('a parameter that is deleted', () => {
    const parameter = {
      Type: 'AWS::SSM::Parameter',
      Properties: { Type: 'String', Value: 'x', Name: '/openclaw/dev/x' },
    };
    const before = edited((resources) => {
      resources.Kept = parameter;
    });
    expect(compare(before, templateOf()).stateful).toEqual(['Kept (AWS::SSM::Parameter) is deleted']);
  });

  test.each([{ az: 'me-central-1b' }, { market: 'on-demand' }, { logRetentionDays: 90 }, { backupKeepDaily: 30 }])(
    'none by %j',
    (context) => {
      expect(changed(context).stateful).toEqual([]);
    },
  );
});

describe('the files of the machine', () => {
  const { files, rest, resources } = changed({ image: 'ghcr.io/openclaw/openclaw:2026.10.1' });

  test('are shown line by line, with what CloudFormation puts in by name', () => {
    expect(files.map(({ path, change }) => [path, change])).toEqual([
      ['/etc/openclaw/machine.env', 'changed'],
      ['user-data', 'changed'],
    ]);
    expect(files[0]?.patch).toContain('--- a/etc/openclaw/machine.env\n+++ b/etc/openclaw/machine.env\n');
    expect(files[0]?.patch).toContain(
      '\n-IMAGE=ghcr.io/openclaw/openclaw:2026.9.6\n+IMAGE=ghcr.io/openclaw/openclaw:2026.10.1\n',
    );
    expect(files[0]?.patch).not.toContain('{"Ref"');
  });

  test('and nowhere else: neither as JSON nor as user data', () => {
    expect(rest).not.toContain('IMAGE=');
    expect(rest).not.toContain('fingerprint');
    expect(resources.map(({ type }) => type)).toContain('AWS::EC2::LaunchTemplate');
  });

  test('that come, go, change their mode or are not ASCII', () => {
    const at = (content: string, mode: string, encoding = 'plain') => ({ content, mode, encoding });
    const withFiles = (own: Record<string, unknown>) =>
      edited((resources) => {
        const { Metadata } = resources.Group as { Metadata: Record<string, Record<string, unknown>> };
        Metadata['AWS::CloudFormation::Init'] = { machine: { files: own } };
      });
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    const before = withFiles({
      '/a': at('one\n', '000644'),
      '/mode': at('x\n', '000644'),
      '/u': at(base64('ä\n'), '1', 'base64'),
    });
    const after = withFiles({
      '/b': at('two\n', '000644'),
      '/mode': at('x\n', '000755'),
      '/u': at(base64('ö\n'), '1', 'base64'),
    });
    const found = compare(before, after).files;
    expect(found.map(({ path, change }) => [path, change])).toEqual([
      ['/a', 'removed'],
      ['/b', 'added'],
      ['/mode', 'changed'],
      ['/u', 'changed'],
    ]);
    expect(found[0]?.patch).toContain('+++ /dev/null\n');
    expect(found[1]?.patch).toContain('--- /dev/null\n');
    expect(found[2]?.patch).toMatch(/^old mode 000644\nnew mode 000755\n/);
    expect(found[3]?.patch).toContain('\n-ä\n+ö\n');
  });
});

test('what CloudFormation gives back as question marks is no difference', () => {
  const described = (Description: string) => ({ ...templateOf(), Description }) as Template;
  const nothing = compare(described('f?r ?'), described('für 日'));
  expect([nothing.rest, nothing.resources]).toEqual(['', []]);
  expect(compare(described('für 日'), described('für 月')).rest).toContain('für 月');
});

describe('the report', () => {
  const report = (found: Changes, commit?: string) => commentOf('openclaw-dev', 'me-central-1', found, commit);

  test('says so where there is no difference', () => {
    expect(textOf('openclaw-dev', 'me-central-1', changed({}))).toBe('openclaw-dev in me-central-1: no difference\n');
    expect(report(changed({}), 'abc1234')).toBe(
      '<!-- openclaw-spot diff: openclaw-dev in me-central-1 -->\n### `openclaw-dev` in me-central-1\n\nNo difference.\n\n' +
        '<sub>abc1234 against what is deployed, by `openclaw-spot diff`</sub>',
    );
  });

  test('is a comment: the machine, data, resources, files, all else', () => {
    const text = report(changed({ backup: 'off', instanceType: 't4g.medium' }));
    expect(text.startsWith(markerOf('openclaw-dev', 'me-central-1'))).toBe(true);
    const parts = [
      '**The machine** is replaced: drained and ended, then a new one boots',
      '> [!CAUTION]\n> - State',
      '| leaves the stack | AWS::S3::Bucket | `State',
      '<details><summary>2 files of the machine</summary>\n\n```diff\n--- a/etc/openclaw/machine.env',
      '<details><summary>All else, as <code>cdk diff</code> prints it</summary>\n\n```text\nIAM Statement Changes',
    ];
    const places = parts.map((part) => text.indexOf(part));
    expect(places).not.toContain(-1);
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(report(changed({ instanceType: 't4g.medium' }))).toMatch(
      /\[~\] AWS::EC2::LaunchTemplate [^]*\[\+\] t4g\.medium/,
    );
  });

  test('of a first deploy is no longer than GitHub takes, and says what it leaves out', () => {
    const first = compare(undefined, templateOf());
    const text = report(first);
    expect(first.files.map(({ patch }) => patch).join('').length).toBeGreaterThan(65_536);
    expect(text.length).toBeLessThan(65_536);
    expect(text).toMatch(/… and \d+ more lines: `npx openclaw-spot diff` prints all of it\.\n\n<\/details>/);
    expect(textOf('openclaw-dev', 'me-central-1', first).length).toBeGreaterThan(200_000);
  });

  test('holds files with fences of their own', () => {
    const patch = '+```\n+<script>\n+````js\n';
    const text = report({ ...changed({}), files: [{ path: '/a.md', change: 'added', patch }] });
    expect(text).toContain(`\`\`\`\`\`diff\n${patch}\`\`\`\`\`\n\n</details>`);
  });
});
