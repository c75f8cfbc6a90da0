import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff';
import type { Resource, Template } from './template';

/** A file of the machine that differs. */
export interface FileChange {
  readonly path: string;
  readonly change: 'added' | 'removed' | 'changed';
  /** In the unified format; of a change of the mode alone it has no hunks. */
  readonly patch: string;
}

interface MachineFile {
  readonly text: string;
  readonly mode: string;
}

const INIT = 'AWS::CloudFormation::Init';
const LAUNCH_TEMPLATE = 'AWS::EC2::LaunchTemplate';

/** The template without what is shown as files: cfn-init's metadata and user data. */
export function withoutFiles(template: Template): Template {
  const resources = Object.entries(template.Resources ?? {}).map(([id, resource]) => {
    const data = launchData(resource);
    const Properties = data && { ...resource.Properties, LaunchTemplateData: without(data, 'UserData') };
    return [id, { ...resource, Metadata: without(resource.Metadata ?? {}, INIT), ...(Properties && { Properties }) }];
  });
  return { ...template, Resources: Object.fromEntries(resources) as Template['Resources'] & object };
}

function without(values: Readonly<Record<string, unknown>>, key: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => name !== key));
}

function launchData({ Type, Properties }: Resource): Record<string, unknown> | undefined {
  return Type === LAUNCH_TEMPLATE ? (Properties?.LaunchTemplateData as Record<string, unknown>) : undefined;
}

/** The machine's files by path; what else cfn-init does, and user data, are one more each. */
function filesOf(template: Template): Map<string, MachineFile> {
  const files = new Map<string, MachineFile>();
  for (const resource of Object.values(template.Resources ?? {})) {
    const init = (resource.Metadata?.[INIT] ?? {}) as Record<string, { files?: Record<string, InitFile> }>;
    const steps: Record<string, unknown> = {};
    for (const [name, { files: own = {}, ...others }] of Object.entries(init)) {
      for (const [path, file] of Object.entries(own)) files.set(path, { text: contentOf(file), mode: file.mode ?? '' });
      if (Object.keys(others).length > 0) steps[name] = others;
    }
    if (Object.keys(steps).length > 0) files.set('cfn-init', { text: textOf(steps), mode: '' });
    const userData = launchData(resource)?.UserData as { 'Fn::Base64'?: unknown } | undefined;
    if (userData) files.set('user-data', { text: textOf(userData['Fn::Base64'] ?? userData), mode: '' });
  }
  return files;
}

interface InitFile {
  readonly content?: unknown;
  readonly encoding?: string;
  readonly mode?: string;
}

function contentOf({ content, encoding }: InitFile): string {
  const text = textOf(content ?? '');
  return encoding === 'base64' ? Buffer.from(text, 'base64').toString() : text;
}

/** A value as text; where CloudFormation puts it together, `${…}` stands for what only CloudFormation knows. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const { 'Fn::Join': join } = value as { 'Fn::Join'?: [string, unknown[]] };
  if (!join) return `${JSON.stringify(value, undefined, 2)}\n`;
  const [separator, parts] = join;
  return parts.map((part) => (typeof part === 'string' ? part : `\${${reference(part)}}`)).join(separator);
}

function reference(value: unknown): string {
  const { Ref: ref, 'Fn::GetAtt': attribute } = value as { Ref?: string; 'Fn::GetAtt'?: string[] };
  return ref ?? attribute?.join('.') ?? JSON.stringify(value);
}

/** What differs between the machines of two templates, by path. */
export function fileChanges(deployed: Template, planned: Template): FileChange[] {
  const [before, after] = [filesOf(deployed), filesOf(planned)];
  return [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((path) => {
    const [old, now] = [before.get(path), after.get(path)];
    if (old?.text === now?.text && old?.mode === now?.mode) return [];
    return [{ path, change: old ? (now ? 'changed' : 'removed') : 'added', patch: patchOf(path, old, now) }];
  });
}

function patchOf(path: string, old: MachineFile | undefined, now: MachineFile | undefined): string {
  const name = path.replace(/^\//, '');
  const [from, to] = [old ? `a/${name}` : '/dev/null', now ? `b/${name}` : '/dev/null'];
  const modes = old && now && old.mode !== now.mode ? `old mode ${old.mode}\nnew mode ${now.mode}\n` : '';
  const options = { context: 3, headerOptions: FILE_HEADERS_ONLY };
  return modes + createTwoFilesPatch(from, to, old?.text ?? '', now?.text ?? '', undefined, undefined, options);
}
