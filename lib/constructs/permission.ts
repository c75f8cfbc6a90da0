import { aws_iam as iam, Stack, Validations } from 'aws-cdk-lib';

export interface Permission {
  readonly actions: string[];
  /** ARNs. */
  readonly resources: string[];
  readonly conditions?: Record<string, Record<string, string>>;
  /**
   * Why there is a wildcard among the actions or resources.
   * @default - there is none
   */
  readonly wildcard?: string;
}

/** Allows a role something, and answers cdk-nag's question about each wildcard in it where the wildcard stands. */
export function allow(role: iam.Role, permission: Permission): void {
  const { actions, resources, conditions, wildcard } = permission;
  role.addToPolicy(new iam.PolicyStatement({ actions, resources, conditions }));
  if (wildcard === undefined) return;
  const findings = [
    ...actions.map((action) => `Action::${action}`),
    ...resources.map((arn) => `Resource::${flatten(Stack.of(role).resolve(arn))}`),
  ];
  for (const finding of findings.filter((name) => name.includes('*'))) {
    Validations.of(role).acknowledge({ id: `AwsSolutions-IAM5[${finding}]`, reason: wildcard });
  }
}

/** cdk-nag's way to write an ARN: as it is, with references in angle brackets. */
function flatten(arn: unknown): string {
  if (typeof arn === 'string') return arn;
  const { 'Fn::Join': join, 'Fn::GetAtt': attribute, Ref: ref } = arn as Record<string, unknown>;
  if (Array.isArray(join)) return (join[1] as unknown[]).map(flatten).join(join[0] as string);
  return `<${Array.isArray(attribute) ? attribute.join('.') : String(ref)}>`;
}
