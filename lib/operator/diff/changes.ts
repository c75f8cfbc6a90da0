import { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { loadAwsServiceSpecSync } from '@aws-cdk/aws-service-spec';
import {
  formatDifferences,
  fullDiff,
  mangleLikeCloudFormation,
  ResourceImpact,
  type ResourceDifference,
  type TemplateDiff,
} from '@aws-cdk/cloudformation-diff';
import { fileChanges, withoutFiles, type FileChange } from './machine-files';
import type { Template } from './template';

/** What a deploy does to the machine: README's table "What a deploy replaces". */
export type MachineEffect = 'launched' | 'nothing' | 'replaced' | 'ended';

export interface ResourceChange {
  readonly id: string;
  readonly type: string;
  readonly impact: ResourceImpact;
}

/** What a deploy would change. */
export interface Changes {
  readonly machine: MachineEffect;
  /** Data that the deploy would remove, replace, let go or keep less safely, one line each. */
  readonly stateful: readonly string[];
  readonly resources: readonly ResourceChange[];
  readonly files: readonly FileChange[];
  /** All else, as `cdk diff` prints it. */
  readonly rest: string;
}

const GROUP = 'AWS::AutoScaling::AutoScalingGroup';
const LAUNCH_TEMPLATE = 'AWS::EC2::LaunchTemplate';
/**
 * Properties of the group whose change replaces its instances.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html
 */
const ROLLING = ['LaunchTemplate', 'MixedInstancesPolicy', 'VPCZoneIdentifier'];
// CloudFormation's own registry does not count it: a parameter holds what somebody has put there.
const STATEFUL_TOO = ['AWS::SSM::Parameter'];
const LOST = {
  [ResourceImpact.WILL_DESTROY]: 'is deleted',
  [ResourceImpact.WILL_ORPHAN]: 'leaves the stack; it stays in the account',
  [ResourceImpact.WILL_REPLACE]: 'is replaced by an empty one',
  [ResourceImpact.MAY_REPLACE]: 'may be replaced by an empty one',
} as Partial<Record<ResourceImpact, string>>;
// Policies by which a resource outlives its stack.
const KEEPING = ['Retain', 'RetainExceptOnCreate', 'Snapshot'];

/**
 * Compares what is deployed with what would be, as `cdk diff` without a change set does.
 * @param deployed - the deployed template, as CloudFormation gives it back. @default - nothing is deployed
 */
export function compare(deployed: Template | undefined, planned: Template): Changes {
  const before = deployed ?? {};
  // CloudFormation gives question marks back for what is not ASCII, as the CDK's own command takes into account.
  const after = isAscii(before) ? (JSON.parse(mangleLikeCloudFormation(JSON.stringify(planned))) as Template) : planned;
  const diff = fullDiff(before, after);
  const resources: ResourceChange[] = [];
  const stateful: string[] = [];
  diff.resources.forEachDifference((id, change) => {
    const type = change.newResourceType ?? change.oldResourceType ?? '';
    if (type === 'AWS::CDK::Metadata') return;
    resources.push({ id, type, impact: change.changeImpact });
    if (isStateful(type)) stateful.push(...lossesOf(id, type, change));
  });
  return {
    machine: machineEffect(diff),
    stateful,
    resources,
    files: fileChanges(before, after),
    rest: print(fullDiff(withoutFiles(before), withoutFiles(after))),
  };
}

/** Characters beyond ASCII in the deployed template mean that it was given back unchanged. */
function isAscii(template: Template): boolean {
  return !/[^\0-\x7f]/.test(JSON.stringify(template));
}

function machineEffect(diff: TemplateDiff): MachineEffect {
  let effect: MachineEffect = 'nothing';
  diff.resources.forEachDifference((_, change) => {
    const updates = Object.keys(change.propertyUpdates);
    if (change.newResourceType === GROUP || change.oldResourceType === GROUP) {
      if (change.isAddition) effect = 'launched';
      else if (change.isRemoval) effect = 'ended';
      else if (effect === 'nothing' && (replaces(change) || updates.some((name) => ROLLING.includes(name)))) {
        effect = 'replaced';
      }
    } else if (change.newResourceType === LAUNCH_TEMPLATE && effect === 'nothing') {
      if (replaces(change) || updates.includes('LaunchTemplateData')) effect = 'replaced';
    }
  });
  return effect;
}

function replaces({ changeImpact }: ResourceDifference): boolean {
  return changeImpact === ResourceImpact.WILL_REPLACE || changeImpact === ResourceImpact.MAY_REPLACE;
}

function lossesOf(id: string, type: string, change: ResourceDifference): string[] {
  const lost = LOST[change.changeImpact];
  if (lost !== undefined) return [`${id} (${type}) ${lost}`];
  const { DeletionPolicy, UpdateReplacePolicy } = change.otherChanges;
  return Object.entries({ DeletionPolicy, UpdateReplacePolicy }).flatMap(([name, policy]) =>
    policy &&
    !change.isAddition &&
    KEEPING.includes(String(policy.oldValue)) &&
    !KEEPING.includes(String(policy.newValue))
      ? [`${id} (${type}) loses its ${name} '${String(policy.oldValue)}'`]
      : [],
  );
}

let specification: ReturnType<typeof loadAwsServiceSpecSync> | undefined;

function isStateful(type: string): boolean {
  specification ??= loadAwsServiceSpecSync();
  const [resource] = specification.lookup('resource', 'cloudFormationType', 'equals', type);
  return resource?.isStateful === true || STATEFUL_TOO.includes(type);
}

function print(diff: TemplateDiff): string {
  let text = '';
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      text += chunk.toString();
      done();
    },
  });
  if (!diff.isEmpty) formatDifferences(stream, diff);
  return stripVTControlCharacters(text).trim();
}
