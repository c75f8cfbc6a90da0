import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Clients } from '../aws/clients';
import { cdk } from '../cdk';
import type { Context } from '../context';
import type * as changes from '../diff/changes';
import type * as report from '../diff/report';
import type { Template } from '../diff/template';
import { isAbsent } from '../deployed-settings';
import { EXIT, Failure } from '../errors';
import { pullRequest, writeComment } from '../github';
import { configOf, settingsOf } from '../settings';
import { collect, command, type Definition } from './definition';

interface Options {
  readonly pullRequest?: string;
  readonly commit?: string;
  readonly allowStateful?: boolean;
}

const diff: Definition = {
  command: command(
    {
      usage: 'diff',
      summary: 'what a deploy would change: the machine, data, its files, all else',
      description:
        'Compares the template of this checkout with the deployed one, as `cdk diff` without a change set: what happens to ' +
        'the machine, which data is at stake, the files of the machine line by line, and all else. With --pull-request it is a ' +
        'comment there, written once and then kept up to date (GITHUB_TOKEN, GITHUB_REPOSITORY and GITHUB_API_URL, as a ' +
        'workflow on GitHub has them). It reads with the look-up role of the CDK.',
      examples: ['diff --az me-central-1a', 'diff -c instanceType=t4g.medium', 'diff --stack prod --pull-request 12'],
      exits: ['1, too, where data would be removed or replaced, or its protection taken away'],
    },
    (made) =>
      made
        .option('-c, --context <key=value>', 'a setting, as in `cdk diff -c`; can be given more than once', collect)
        .option('--pull-request <number>', 'write it as a comment on this pull request')
        .option('--commit <sha>', 'commit that the comment names')
        .option('--allow-stateful', 'end with 0 even where data would be removed or replaced'),
  ),
  work: async (context) => {
    const { pullRequest: number, commit, allowStateful = false } = context.options as Options;
    const to = number === undefined ? undefined : pullRequest(number, context.world);
    const { stack, region, planned, lookUpRole } = await synthesize(context);
    const deployed = await deployedTemplate(stack, region, lookUpRole);
    // Only here: what compares brings a database of all resource types.
    /* oxlint-disable typescript/no-require-imports */
    const { compare } = require('../diff/changes') as typeof changes;
    const { commentOf, markerOf, textOf } = require('../diff/report') as typeof report;
    /* oxlint-enable typescript/no-require-imports */
    const found = compare(deployed, planned);
    context.show(textOf(stack, region, found), { stack, region, ...found });
    if (to) {
      const body = commentOf(stack, region, found, commit);
      context.say(`written: ${await writeComment(to, markerOf(stack, region), body, context.world)}`);
    }
    if (found.stateful.length === 0 || allowStateful) return EXIT.done;
    for (const line of found.stateful) context.say(`error: ${line}`);
    context.say('where that is meant: --allow-stateful, or on GitHub the label "stateful change"');
    return EXIT.failed;
  },
};

interface Plan {
  readonly stack: string;
  readonly region: string;
  readonly planned: Template;
  readonly lookUpRole: string;
}

/** What `cdk synth` makes of this checkout with the settings given. */
async function synthesize(context: Context): Promise<Plan> {
  const given = settingsOf(context);
  const { stack: name, region } = configOf(context, given);
  const stack = `openclaw-${name}`;
  const out = mkdtempSync(join(tmpdir(), 'openclaw-diff-'));
  try {
    const status = await cdk(context.world, ['synth', '--quiet', '--output', out, ...given.words]);
    if (status !== 0) throw new Failure([`cdk synth ended with ${status}: its lines above say why`]);
    const read = (file: string) => JSON.parse(readFileSync(join(out, file), 'utf8')) as unknown;
    const { artifacts } = read('manifest.json') as Manifest;
    const { templateFile = '', lookupRole } = artifacts[stack]?.properties ?? {};
    return { stack, region, planned: read(templateFile) as Template, lookUpRole: lookupRole?.arn ?? '' };
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** Of a cloud assembly. */
interface Manifest {
  readonly artifacts: Readonly<
    Record<string, { properties?: { templateFile?: string; lookupRole?: { readonly arn: string } } }>
  >;
}

/** The deployed template, as it was given to CloudFormation; undefined where nothing is deployed. */
async function deployedTemplate(stack: string, region: string, lookUpRole: string): Promise<Template | undefined> {
  const own = new Clients(region);
  const { Account = '', Arn = '' } = await own.sts('GetCallerIdentity', (sts) => sts.getCallerIdentity({}));
  const RoleArn = lookUpRole
    .replaceAll('${AWS::AccountId}', Account)
    .replaceAll('${AWS::Partition}', Arn.split(':')[1] ?? 'aws');
  const { Credentials: given } = await own.sts('AssumeRole', (sts) =>
    sts.assumeRole({ RoleArn, RoleSessionName: 'openclaw-spot-diff' }),
  );
  const reader = new Clients(region, {
    accessKeyId: given?.AccessKeyId ?? '',
    secretAccessKey: given?.SecretAccessKey ?? '',
    sessionToken: given?.SessionToken ?? '',
  });
  try {
    const { TemplateBody = '{}' } = await reader.cloudFormation('GetTemplate', (cloudFormation) =>
      cloudFormation.getTemplate({ StackName: stack, TemplateStage: 'Original' }),
    );
    return JSON.parse(TemplateBody) as Template;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

export const DIFF_COMMANDS: readonly Definition[] = [diff];
