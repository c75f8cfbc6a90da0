import type { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks } from 'cdk-nag';
import { buildApp } from '../../../lib/app';
import { decide, type Decision } from '../support/iam';
import { ACCOUNT, only, REGION, testApp, type Resource } from '../support/synthesize';

const LOOK_UP_ROLE = `arn:aws:iam::${ACCOUNT}:role/cdk-hnb659fds-lookup-role-${ACCOUNT}-${REGION}`;
const ISSUER = 'token.actions.githubusercontent.com';

function built(context: Record<string, unknown>) {
  const app = testApp({ az: `${REGION}a`, ...context });
  expect(buildApp(app, { CDK_DEFAULT_ACCOUNT: ACCOUNT }, fail, '/nonexistent')).toBe(0);
  return app;
}

function fail(line: string): void {
  throw new Error(line);
}

/** The stack in the stage beside the deployment. */
function templateFor(context: Record<string, unknown>): Template {
  const [stack] = built(context).node.findChild('github').node.children;
  return Template.fromStack(stack as Stack);
}

const template = templateFor({ repository: 'octocat/my-repo' });

test('without a repository there is one stack and no stage', () => {
  expect(built({}).node.children.map(({ node }) => node.id)).toEqual(['openclaw-dev']);
});

test('with one there is a stage beside the deployment, which is as it was', () => {
  const [without, beside] = [built({}), built({ repository: 'octocat/my-repo' })];
  expect(beside.node.children.map(({ node }) => node.id)).toEqual(['openclaw-dev', 'github']);
  const [before, after] = [without, beside].map(({ node }) => Template.fromStack(node.children[0] as Stack).toJSON());
  expect(after).toEqual(before);
});

test('cdk-nag finds nothing unexplained in the stage', () => {
  const app = built({ repository: 'octocat/my-repo' });
  expect(new AwsSolutionsChecks(app).validateScope(app).violations).toEqual([]);
});

describe('the trust', () => {
  // The reference of IAM's actions lists claims as condition keys for some issuers, and GitHub is none of them.
  const listed = (text: string) => text.replaceAll(`${ISSUER}:`, 'accounts.google.com:');

  type Claims = Readonly<Record<string, string>>;

  /** Whether tokens with these claims get in. */
  async function trusts(of: Template, claims: readonly Claims[]): Promise<boolean[]> {
    const { AssumeRolePolicyDocument: trust } = only(of, 'AWS::IAM::Role').Properties as {
      AssumeRolePolicyDocument: { Statement: Record<string, unknown>[] };
    };
    // Who is trusted is looked at below; the resource of a trust policy is its role.
    const Statement = trust.Statement.map(({ Principal: _principal, ...rest }) => ({ ...rest, Resource: '*' }));
    const questions = claims.map((more) => ({
      action: 'sts:AssumeRoleWithWebIdentity',
      resource: `arn:aws:iam::${ACCOUNT}:role/diff`,
      context: Object.fromEntries(
        Object.entries({ aud: 'sts.amazonaws.com', ...more }).map(([key, value]) => [
          listed(`${ISSUER}:${key}`),
          value,
        ]),
      ),
    }));
    const decisions = await decide(JSON.parse(listed(JSON.stringify({ Statement }))) as object, questions);
    return decisions.map((decision) => decision === 'Allow');
  }

  test('is in pull requests of the repository, in both forms of the subject, and in nothing else', async () => {
    const subjects: [boolean, string][] = [
      [true, 'repo:octocat/my-repo:pull_request'],
      [true, 'repo:octocat@123456/my-repo@456789:pull_request'],
      [false, 'repo:octocat/my-repo:ref:refs/heads/main'],
      [false, 'repo:octocat@123456/my-repo@456789:ref:refs/heads/main'],
      [false, 'repo:octocat/my-repo:environment:production'],
      [false, 'repo:octocat/other:pull_request'],
      [false, 'repo:octocat@123456/other@456789:pull_request'],
      [false, 'repo:mallory/my-repo:pull_request'],
      [false, 'repo:octocatx@1/my-repo@2:pull_request'],
      [false, 'repo:octocat/my-repository:pull_request'],
    ];
    const trusted = await trusts(
      template,
      subjects.map(([, sub]) => ({ sub })),
    );
    expect(subjects.map(([, sub], index) => [trusted[index], sub])).toEqual(subjects);
  });

  test('is for AWS as the audience alone, and not without a subject', async () => {
    const sub = 'repo:octocat/my-repo:pull_request';
    expect(await trusts(template, [{ sub, aud: 'api.github.com' }, {}])).toEqual([false, false]);
  });

  test('holds to the ids where they are given', async () => {
    const exact = templateFor({ repository: 'octocat@123456/my-repo@456789' });
    expect(JSON.stringify(only(exact, 'AWS::IAM::Role').Properties)).not.toContain('*');
    const subjects = [
      'octocat/my-repo',
      'octocat@123456/my-repo@456789',
      'octocat@9/my-repo@456789',
      'octocat@123456/my-repo@9',
    ];
    expect(
      await trusts(
        exact,
        subjects.map((name) => ({ sub: `repo:${name}:pull_request` })),
      ),
    ).toEqual([true, true, false, false]);
  });

  test('is in GitHub alone: made here, or the one that the account has', () => {
    const provider = only(template, 'AWS::IAM::OIDCProvider');
    expect(provider.Properties).toEqual({ Url: `https://${ISSUER}`, ClientIdList: ['sts.amazonaws.com'] });
    const principal = (of: Template) =>
      JSON.stringify(
        (
          only(of, 'AWS::IAM::Role').Properties.AssumeRolePolicyDocument as { Statement: { Principal: unknown }[] }
        ).Statement.map(({ Principal }) => Principal),
      );
    expect(principal(template)).toMatch(new RegExp(`^\\[{"Federated":{"[^"]+":[^*]*"${provider.id}"[^*]*}}\\]$`));
    const existing = templateFor({ repository: 'octocat/my-repo', githubProvider: 'existing' });
    existing.resourceCountIs('AWS::IAM::OIDCProvider', 0);
    expect(principal(existing)).toContain(`:iam::${ACCOUNT}:oidc-provider/${ISSUER}"`);
  });
});

describe('a pull request', () => {
  interface Policy {
    readonly Statement: object[];
  }
  const policies = Object.values(template.findResources('AWS::IAM::Policy')) as Resource[];
  function ofRole(named: RegExp): Policy {
    const found = policies.filter(({ Properties }) => named.test(JSON.stringify(Properties.Roles)));
    expect(found).toHaveLength(1);
    const text = JSON.stringify(found[0]?.Properties.PolicyDocument).replaceAll(
      /\{"Fn::Join":\["",\["arn:",\{"Ref":"AWS::Partition"\},"([^"]*)"\]\]\}/g,
      '"arn:aws$1"',
    );
    return JSON.parse(text) as Policy;
  }
  type Row = [Decision, string, string];

  /** The rows as IAM decides them. */
  async function decided(policy: object, rows: readonly Row[]): Promise<Row[]> {
    const decisions = await decide(
      policy,
      rows.map(([, action, resource]) => ({ action, resource, context: {} })),
    );
    return rows.map(([, action, resource], index) => [decisions[index] ?? 'no decision', action, resource]);
  }
  const stackId = `arn:aws:cloudformation:${REGION}:${ACCOUNT}:stack/openclaw-dev/11111111-2222-3333-4444-555555555555`;
  const object = `arn:aws:s3:::openclaw-backup-dev-${ACCOUNT}-${REGION}/lease.json`;

  test('by its own role may become the look-up role, and nothing else', async () => {
    const rows: Row[] = [
      ['Allow', 'sts:AssumeRole', LOOK_UP_ROLE],
      ['no decision', 'sts:AssumeRole', LOOK_UP_ROLE.replace('lookup', 'deploy')],
      ['no decision', 'sts:AssumeRole', LOOK_UP_ROLE.replace('lookup', 'cfn-exec')],
      ['no decision', 'sts:AssumeRole', LOOK_UP_ROLE.replace(REGION, 'us-east-1')],
      ['no decision', 'cloudformation:GetTemplate', stackId],
      ['no decision', 's3:GetObject', object],
    ];
    expect(await decided(ofRole(/AccessRole/), rows)).toEqual(rows);
  });

  const parameter = (name: string) => `arn:aws:ssm:${REGION}:${ACCOUNT}:parameter/${name}`;
  const logs = (name: string) => `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:${name}`;
  // More than AWS's policy ReadOnlyAccess gives the look-up role.
  const reader = { Effect: 'Allow', Action: '*', Resource: '*' };

  test('by the look-up role may read what is no secret', async () => {
    const rows: Row[] = [
      ['Allow', 'cloudformation:GetTemplate', stackId],
      ['Allow', 'ssm:GetParameter', parameter('cdk-bootstrap/hnb659fds/version')],
      ['Allow', 'ec2:DescribeVpcs', '*'],
      ['Allow', 'logs:GetLogEvents', `${logs('/other/group')}:log-stream:i-1`],
      ['Deny', 's3:GetObject', object],
      ['Deny', 's3:GetObjectVersion', object.replace('-dev-', '-prod-')],
      ['Deny', 'ssm:GetParameter', parameter('openclaw/dev/env/OPENAI_API_KEY')],
      ['Deny', 'ssm:GetParameters', parameter('openclaw/prod/restic-password')],
      ['Deny', 'ssm:GetParameterHistory', parameter('openclaw/dev/state-key')],
      ['Deny', 'ssm:GetParametersByPath', parameter('openclaw/dev')],
      ['Deny', 'ssm:GetParametersByPath', parameter('cdk-bootstrap')],
      ['Deny', 'logs:GetLogEvents', `${logs('/openclaw/dev/gateway')}:log-stream:i-1`],
      ['Deny', 'logs:FilterLogEvents', logs('/openclaw/dev/gateway')],
    ];
    const { Statement } = ofRole(/lookup-role/);
    expect(await decided({ Statement: [reader, ...Statement] }, rows)).toEqual(rows);
  });
});
