import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findDeployment, type Named } from '../../../lib/operator/deployment';
import { UsageError } from '../../../lib/operator/errors';
import { worldOf } from './support/tool';

const root = mkdtempSync(join(tmpdir(), 'openclaw-spot-'));
afterAll(() => {
  rmSync(root, { recursive: true });
});

async function find(context: object, named: Named, env: Record<string, string>, ofProfile?: string) {
  writeFileSync(join(root, 'cdk.json'), JSON.stringify({ context }));
  try {
    const profileRegion = () => Promise.resolve(ofProfile);
    const { stack, region, az } = await findDeployment(named, { ...worldOf(env), root, profileRegion });
    return [region, stack, az];
  } catch (error) {
    if (error instanceof UsageError) return error.faults;
    throw error;
  }
}

const CONTEXT = { az: 'eu-west-1b', stack: 'prod' };

describe('the deployment', () => {
  test.each<[object, Named, Record<string, string>, (string | undefined)[]]>([
    [CONTEXT, {}, {}, ['eu-west-1', 'prod', 'eu-west-1b']],
    [CONTEXT, {}, { AWS_REGION: 'us-east-1' }, ['eu-west-1', 'prod', 'eu-west-1b']],
    [CONTEXT, {}, { REGION: '', STACK: '', AZ: '' }, ['eu-west-1', 'prod', 'eu-west-1b']],
    [CONTEXT, {}, { REGION: 'me-central-1', STACK: 'lab' }, ['me-central-1', 'lab', undefined]],
    [CONTEXT, {}, { AZ: 'me-central-1a' }, ['me-central-1', 'prod', 'me-central-1a']],
    [CONTEXT, {}, { AZ: 'me-central-1a', REGION: 'eu-west-1' }, ['eu-west-1', 'prod', undefined]],
    [CONTEXT, { region: 'us-west-2', stack: 'a' }, { REGION: 'x', STACK: 'b', AZ: 'y' }, ['us-west-2', 'a', undefined]],
    [CONTEXT, { az: 'us-west-2c' }, { REGION: 'me-central-1' }, ['us-west-2', 'prod', 'us-west-2c']],
    [{}, {}, { AWS_REGION: 'us-east-1' }, ['us-east-1', 'dev', undefined]],
    [{}, {}, { AWS_DEFAULT_REGION: 'us-east-2' }, ['us-east-2', 'dev', undefined]],
  ])('with %j in cdk.json, options %j and %j in the environment is %j', async (context, named, env, found) => {
    expect(await find(context, named, env)).toEqual(found);
  });

  test('is at last in the region of the AWS profile', async () => {
    expect(await find({}, {}, {}, 'eu-north-1')).toEqual(['eu-north-1', 'dev', undefined]);
  });

  const NO_REGION = "REGION must be the deployment's region, like me-central-1, got";
  test.each<[Named, Record<string, string>, string]>([
    [{}, {}, `${NO_REGION} nothing: give --region or --az, or set az in deployments/<stack>.json`],
    [{ region: 'dubai' }, {}, `${NO_REGION} 'dubai'`],
    [{ region: 'me-central-1a' }, {}, `${NO_REGION} 'me-central-1a': did you mean me-central-1?`],
    [
      { az: 'me-central-1', region: 'me-central-1' },
      {},
      "az must be an availability zone like me-central-1a, got 'me-central-1'",
    ],
    [
      { az: 'eu-west-1a', region: 'me-central-1' },
      {},
      "region and az must fit together, got 'me-central-1' and 'eu-west-1a': leave one of them out",
    ],
    [
      { stack: '$(x)' },
      { REGION: 'me-central-1' },
      "stack must be lower case letters, digits and hyphens, with a letter or digit at both ends, got '$(x)'",
    ],
  ])('named by %j and %j is refused', async (named, env, fault) => {
    expect(await find({}, named, env)).toContain(fault);
  });
});
