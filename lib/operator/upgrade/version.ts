/** Versions of OpenClaw, read and ordered as the machine does (state/openclaw_data/versions.py there). */
export const VERSION = String.raw`\d{4}\.\d{1,2}\.\d{1,3}(?:[-.](?:alpha|beta|rc)[-.]?\d*|-\d{1,3}(?![\w.]))?`;
export const TAG = new RegExp(String.raw`:v?(${VERSION})(?=[-@]|$)`);
const PARTS = /^(\d+)\.(\d+)\.(\d+)(?:[-.](?:(alpha|beta|rc)[-.]?)?(\d*))?/;
const STAGES = ['alpha', 'beta', 'rc', 'release', 'correction'];

/** The version in an image's tag; undefined where that is none, as for `:2026.9`, a branch or a digest alone. */
export const versionOf = (reference: string): string | undefined => TAG.exec(reference)?.[1];

/** Whether a version comes before another. A prerelease (-beta.1) comes before its release, a correction (-1) after it. */
export function isOlder(version: string, other: string): boolean {
  const [ours, theirs] = [orderOf(version), orderOf(other)];
  const difference = ours.map((part, index) => part - (theirs[index] ?? 0)).find((part) => part !== 0);
  return (difference ?? 0) < 0;
}

function orderOf(version: string): number[] {
  const [, year, month, patch, stage, number = ''] = PARTS.exec(version) ?? [];
  const rank = STAGES.indexOf(stage ?? (number === '' ? 'release' : 'correction'));
  return [year, month, patch, rank, number || 0].map(Number);
}
