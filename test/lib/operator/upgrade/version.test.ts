import { isOlder, versionOf } from '../../../../lib/operator/upgrade/version';

test('versions have the order in which OpenClaw releases them', () => {
  const ordered = [
    '2026.8.10',
    '2026.9.1-alpha.1',
    '2026.9.1-beta.1',
    '2026.9.1-beta.2',
    '2026.9.1',
    '2026.9.1-1',
    '2026.9.2',
    '2026.10.1',
    '2027.1.1',
  ];
  for (const [index, version] of ordered.entries()) {
    for (const [other, against] of ordered.entries())
      expect([version, against, isOlder(version, against)]).toEqual([version, against, index < other]);
  }
});

test.each([
  ['ghcr.io/openclaw/openclaw:2026.9.6', '2026.9.6'],
  [`openclaw:v2026.9.6-beta.1@sha256:${'a'.repeat(64)}`, '2026.9.6-beta.1'],
  ['openclaw:2026.9.6-slim', '2026.9.6'],
  ['openclaw:2026.9', undefined],
  ['localhost:5000/openclaw', undefined],
  [`openclaw@sha256:${'a'.repeat(64)}`, undefined],
])('%s is OpenClaw %s', (reference, version) => {
  expect(versionOf(reference)).toBe(version);
});
