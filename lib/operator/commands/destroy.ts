import { cdk } from '../cdk';
import type { Context } from '../context';
import { cdkContext, type Deployment } from '../deployment';
import { EXIT, UsageError } from '../errors';
import { findBucket, PRICE_PER_GIB_MONTH, sizeOf, type StateBucket } from '../state/bucket';
import { collect, command, type Definition } from './definition';

const NAMES_IN_ONE_CALL = 10;

const whatStays: Definition = {
  command: command({
    usage: 'what-stays',
    summary: 'what a destroy leaves, on purpose, and its cost',
    description:
      'Prints what a destroy leaves on purpose, what it costs a month, how to come back to it, and how to get rid of it.',
    examples: ['what-stays --region me-central-1'],
  }),
  work: async (context) => {
    await sayWhatStays(context, await context.deployment());
    return EXIT.done;
  },
};

const destroy: Definition = {
  command: command(
    {
      usage: 'destroy',
      summary: 'remove all but the state, and say what stays',
      description:
        'Runs `cdk destroy` for the deployment, then prints what stays, in the region of its zone whatever the AWS settings ' +
        'say. The zone is that of --az, AZ or cdk.json.',
      examples: ['destroy --az me-central-1a', 'destroy --az me-central-1a --stack lab --yes'],
    },
    (made) =>
      made
        .option(
          '-c, --context <key=value>',
          'a setting for the CDK, as in `cdk deploy -c`; can be given more than once',
          collect,
        )
        .option('--yes', 'ask nothing'),
  ),
  work: async (context) => {
    const { context: given = [] } = context.options as { context?: string[] };
    const deployment = await context.deployment();
    const { az, stack, region } = deployment;
    const other = cdkContext(context.world.root).az;
    if (az === undefined) {
      throw new UsageError([
        `az must be the deployment's zone in ${region}, like ${region}a, got ${typeof other === 'string' ? `'${other}' in cdk.json` : 'nothing'}: give --az`,
      ]);
    }
    if (!context.yes && !context.world.terminal)
      throw new UsageError(['destroy asks first; without a terminal give --yes']);
    const settings = [`az=${az}`, `stack=${stack}`, ...given].flatMap((setting) => ['-c', setting]);
    const status = await cdk(context.world, ['destroy', ...settings, ...(context.yes ? ['--force'] : [])]);
    if (status !== 0) return EXIT.failed;
    await sayWhatStays(context, deployment);
    return EXIT.done;
  },
};

async function sayWhatStays(context: Context, deployment: Deployment): Promise<void> {
  const bucket = await findBucket(deployment);
  const stored = bucket && (await sizeOf(deployment, bucket));
  const parameters = await parametersOf(deployment);
  const lines = [
    `What stays of ${deployment.group} in ${deployment.region}, on purpose:`,
    ...(bucket && stored
      ? [
          `  bucket     ${bucket.Bucket}, with its policy`,
          `             ${stored.count} object versions, ${round(stored.gib, Math.round)} GiB: about ` +
            `${round(stored.gib * PRICE_PER_GIB_MONTH, Math.ceil)} USD a month`,
        ]
      : ['  no bucket']),
    parameters.length === 0
      ? '  no parameters'
      : `  parameters ${parameters.join('\n             ')}\n             standard parameters: 0 USD`,
    ...(bucket || parameters.length > 0 ? wayBackAndOut(deployment, bucket, parameters) : []),
  ];
  const { Bucket: name } = bucket ?? {};
  context.show(lines.map((line) => `${line}\n`).join(''), {
    region: deployment.region,
    bucket: name && { name, ...stored, usdPerMonth: (stored?.gib ?? 0) * PRICE_PER_GIB_MONTH },
    parameters,
  });
}

async function parametersOf({ aws, path }: Deployment): Promise<string[]> {
  const names: string[] = [];
  let NextToken: string | undefined;
  do {
    const page = await aws.ssm('GetParametersByPath', (ssm) =>
      ssm.getParametersByPath({ Path: path, Recursive: true, NextToken }),
    );
    names.push(...(page.Parameters ?? []).map(({ Name = '' }) => Name));
    NextToken = page.NextToken;
  } while (NextToken);
  return names;
}

const round = (value: number, how: (value: number) => number) => how(value * 100) / 100;

function wayBackAndOut(
  { region, stack, az }: Deployment,
  bucket: StateBucket | undefined,
  parameters: string[],
): string[] {
  const names = Array.from({ length: Math.ceil(parameters.length / NAMES_IN_ONE_CALL) }, (_, index) =>
    parameters.slice(index * NAMES_IN_ONE_CALL, (index + 1) * NAMES_IN_ONE_CALL).join(' '),
  );
  return [
    '',
    'To come back with all of it:',
    `  CDK_IMPORT_EXISTING_RESOURCES=true npx cdk deploy -c az=${az ?? `${region}a`} -c stack=${stack}   (your zone and settings)`,
    'To remove it for good:',
    ...(bucket
      ? [
          `  aws s3api list-object-versions --region ${region} --bucket ${bucket.Bucket} --output json --max-items 1000 \\`,
          "    --query '{Objects: [Versions, DeleteMarkers][][].{Key: Key, VersionId: VersionId}, Quiet: `true`}' >objects.json",
          `  aws s3api delete-objects --region ${region} --bucket ${bucket.Bucket} --delete file://objects.json   (both again until it is empty)`,
          `  aws s3api delete-bucket --region ${region} --bucket ${bucket.Bucket}`,
        ]
      : []),
    ...names.map((some) => `  aws ssm delete-parameters --region ${region} --names ${some}`),
  ];
}

export const DESTROY_COMMANDS: readonly Definition[] = [whatStays, destroy];
