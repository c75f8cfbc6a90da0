import { CfnOutput, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { PullRequestAccess, type PullRequestAccessProps } from './constructs/pull-request-access';

/** What pull requests on GitHub need in a region of the account: once for all deployments there. */
export class PullRequestStack extends Stack {
  constructor(scope: Construct, id: string, props: PullRequestAccessProps) {
    super(scope, id, {
      stackName: 'openclaw-github',
      description: 'Lets pull requests on GitHub compare OpenClaw with what is deployed',
    });
    const { role } = new PullRequestAccess(this, 'Access', props);
    new CfnOutput(this, 'RoleArn', {
      description: 'The role of a deployment in the variable OPENCLAW_DEPLOYMENTS on GitHub',
      value: role.roleArn,
    });
  }
}
