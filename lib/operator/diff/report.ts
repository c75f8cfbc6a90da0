import type { ResourceImpact } from '@aws-cdk/cloudformation-diff';
import { table } from '../terminal/text';
import type { Changes, MachineEffect } from './changes';
import type { FileChange } from './machine-files';

const MACHINE: Record<MachineEffect, string> = {
  launched: 'is launched: nothing is deployed yet',
  nothing: 'stays as it is',
  replaced:
    'is replaced: drained and ended, then a new one boots; the deploy waits for it and rolls back when it does not get ready',
  ended: 'is drained and ended, and none follows',
};

const IMPACT: Record<`${ResourceImpact}`, string> = {
  WILL_UPDATE: 'changed',
  WILL_CREATE: 'new',
  WILL_REPLACE: 'replaced',
  MAY_REPLACE: 'may be replaced',
  WILL_DESTROY: 'deleted',
  WILL_ORPHAN: 'leaves the stack',
  WILL_IMPORT: 'imported',
  NO_CHANGE: 'changed',
};

// GitHub refuses comments of more than 65,536 characters. Of the rest a table of all resources takes a tenth.
const ROOM_FOR_FILES = 30_000;
const ROOM_FOR_REST = 20_000;

const isNothing = ({ resources, rest, files }: Changes) => resources.length === 0 && rest === '' && files.length === 0;

const filesTitle = ({ length }: readonly FileChange[]) => `${length} file${length === 1 ? '' : 's'} of the machine`;

/** What a deploy would change, as text for a terminal. */
export function textOf(stack: string, region: string, changes: Changes): string {
  if (isNothing(changes)) return `${stack} in ${region}: no difference\n`;
  const { machine, stateful, resources, files, rest } = changes;
  return [
    `${stack} in ${region}: the machine ${MACHINE[machine]}.\n`,
    ...stateful.map((line) => `DATA: ${line}\n`),
    `\n${table(resources.map(({ id, type, impact }) => [IMPACT[impact], type, id]))}`,
    ...(files.length > 0 ? [`\n${filesTitle(files)}:\n${patches(files)}`] : []),
    ...(rest === '' ? [] : [`\n${rest}\n`]),
  ].join('');
}

/** By this a comment is known again: it is not shown. */
export const markerOf = (stack: string, region: string): string => `<!-- openclaw-spot diff: ${stack} in ${region} -->`;

/**
 * The same as a comment on GitHub, not longer than GitHub takes.
 * @param commit - what was compared with the deployment
 */
export function commentOf(stack: string, region: string, changes: Changes, commit: string | undefined): string {
  const head = `${markerOf(stack, region)}\n### \`${stack}\` in ${region}`;
  const foot = commit === undefined ? [] : [`<sub>${commit} against what is deployed, by \`openclaw-spot diff\`</sub>`];
  if (isNothing(changes)) return [head, 'No difference.', ...foot].join('\n\n');
  const { machine, stateful, resources, files, rest } = changes;
  const rows = resources.map(({ id, type, impact }) => `| ${IMPACT[impact]} | ${type} | \`${id}\` |`);
  return [
    head,
    `**The machine** ${MACHINE[machine]}.`,
    ...(stateful.length > 0 ? [['> [!CAUTION]', ...stateful.map((line) => `> - ${line}`)].join('\n')] : []),
    ['| | resource | |', '| --- | --- | --- |', ...rows].join('\n'),
    ...(files.length > 0 ? [folded(filesTitle(files), 'diff', patches(files), ROOM_FOR_FILES)] : []),
    ...(rest === '' ? [] : [folded('All else, as <code>cdk diff</code> prints it', 'text', rest, ROOM_FOR_REST)]),
    ...foot,
  ].join('\n\n');
}

const patches = (files: readonly FileChange[]): string => files.map(({ patch }) => patch).join('');

function folded(title: string, language: string, text: string, room: number): string {
  const whole = text.length <= room;
  const shown = whole ? text : text.slice(0, text.lastIndexOf('\n', room));
  const left = text.slice(shown.length).split('\n').length - 1;
  // A text may hold fences of its own: this one is longer.
  const longest = Math.max(2, ...[...shown.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return [
    `<details><summary>${title}</summary>`,
    `${fence}${language}\n${shown.trimEnd()}\n${fence}`,
    ...(whole ? [] : [`… and ${left} more lines: \`npx openclaw-spot diff\` prints all of it.`]),
    '</details>',
  ].join('\n\n');
}
