import { ArnFormat, aws_iam as iam, Stack } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { Repository } from '../config/parsers';
import { allow } from './permission';

export interface PullRequestAccessProps {
  /** Repository on GitHub whose pull requests get in. */
  readonly repository: Repository;
  /**
   * Whether the account has GitHub as an identity provider already; there can be one only.
   * @default false
   */
  readonly providerExists?: boolean;
}

const ISSUER = 'token.actions.githubusercontent.com';
// What aws-actions/configure-aws-credentials asks GitHub for.
const AUDIENCE = 'sts.amazonaws.com';
// The CDK's own, as its bootstrap makes it.
const QUALIFIER = 'hnb659fds';

/**
 * Lets the pull requests of one repository compare a template with what is deployed, and nothing else: a role that may
 * become the CDK's look-up role of this region. That one reads nearly everything in the account, so what is private in
 * deployments of OpenClaw is denied to it.
 */
export class PullRequestAccess extends Construct {
  /** What a workflow on a pull request assumes. */
  readonly role: iam.Role;

  constructor(scope: Construct, id: string, props: PullRequestAccessProps) {
    super(scope, id);
    const { account, region } = Stack.of(this);
    const lookUpRoleName = `cdk-${QUALIFIER}-lookup-role-${account}-${region}`;

    this.role = new iam.Role(this, 'Role', {
      assumedBy: new iam.FederatedPrincipal(
        this.provider(props.providerExists ?? false),
        trust(props.repository),
        'sts:AssumeRoleWithWebIdentity',
      ),
      description: `cdk diff in pull requests of ${props.repository.owner.name}/${props.repository.name.name}`,
    });
    allow(this.role, {
      actions: ['sts:AssumeRole'],
      resources: [
        Stack.of(this).formatArn({ service: 'iam', region: '', resource: 'role', resourceName: lookUpRoleName }),
      ],
    });
    this.closeWhatIsPrivate(lookUpRoleName);
  }

  private provider(exists: boolean): string {
    if (!exists) {
      return new iam.OidcProviderNative(this, 'Provider', { url: `https://${ISSUER}`, clientIds: [AUDIENCE] })
        .oidcProviderArn;
    }
    return Stack.of(this).formatArn({ service: 'iam', region: '', resource: 'oidc-provider', resourceName: ISSUER });
  }

  /** State, secrets and logs of every deployment in the region: no comparison of templates needs them. */
  private closeWhatIsPrivate(roleName: string): void {
    const stack = Stack.of(this);
    const deny = (actions: string[], resource: string) =>
      new iam.PolicyStatement({ effect: iam.Effect.DENY, actions, resources: [resource] });
    new iam.Policy(this, 'Closed', {
      roles: [iam.Role.fromRoleName(this, 'LookUpRole', roleName)],
      statements: [
        deny(
          ['s3:GetObject*'],
          stack.formatArn({ service: 's3', region: '', account: '', resource: 'openclaw-backup-*', resourceName: '*' }),
        ),
        deny(
          ['ssm:GetParameter', 'ssm:GetParameters', 'ssm:GetParameterHistory'],
          stack.formatArn({ service: 'ssm', resource: 'parameter', resourceName: 'openclaw/*' }),
        ),
        // Who may list a path gets all that is below it, whatever is denied there.
        // https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-access.html
        deny(['ssm:GetParametersByPath'], '*'),
        deny(
          ['logs:FilterLogEvents', 'logs:Get*', 'logs:StartLiveTail', 'logs:StartQuery'],
          stack.formatArn({
            service: 'logs',
            resource: 'log-group',
            resourceName: '/openclaw/*',
            arnFormat: ArnFormat.COLON_RESOURCE_NAME,
          }),
        ),
      ],
    });
  }
}

/**
 * Who gets in: pull requests of the repository, in both forms of GitHub's subject. Repositories made or renamed since July
 * 2026 have the ids of owner and repository in it.
 * https://docs.github.com/en/actions/reference/security/oidc
 */
function trust({ owner, name }: Repository): iam.Conditions {
  const withIds = `repo:${owner.name}@${owner.id ?? '*'}/${name.name}@${name.id ?? '*'}:pull_request`;
  return {
    StringEquals: { [`${ISSUER}:aud`]: AUDIENCE },
    // Without wildcards this is StringEquals.
    StringLike: { [`${ISSUER}:sub`]: [`repo:${owner.name}/${name.name}:pull_request`, withIds] },
  };
}
