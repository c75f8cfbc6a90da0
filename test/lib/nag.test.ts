import type { Stack } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';
import { openClawStack } from './support/synthesize';

function findings(stack: Stack): string[] {
  const app = stack.node.root;
  return new AwsSolutionsChecks(app)
    .validateScope(app)
    .violations.flatMap(({ ruleName, violatingResources }) =>
      violatingResources.map(({ constructPath }) => `${ruleName} ${String(constructPath)}`),
    );
}

const ECR_IMAGE = '123456789012.dkr.ecr.me-central-1.amazonaws.com/openclaw:1';

test.each([
  {},
  { backup: 'mirror' },
  { backup: 'off' },
  { market: 'on-demand', alarmEmail: 'ops@example.com' },
  { image: ECR_IMAGE },
  { observability: 'full' },
  { flowLogs: 's3' },
  { flowLogs: 'off' },
])('AwsSolutions finds nothing unexplained with %j', (context) => {
  expect(findings(openClawStack(context))).toEqual([]);
  expect(findings(openClawStack(context, '123456789012'))).toEqual([]);
});

test('a bucket that anybody could add is found', () => {
  const stack = openClawStack();
  new Bucket(stack, 'Seeded');
  expect(findings(stack)).toEqual([
    expect.stringMatching(/AwsSolutions-S1\b.* openclaw-dev\/Seeded/),
    expect.stringMatching(/AwsSolutions-S10\b.* openclaw-dev\/Seeded/),
  ]);
});

test('a state bucket that takes plain HTTP is found', () => {
  const stack = openClawStack();
  const policy = stack.node.findChild('State').node.findChild('Bucket').node.findChild('Policy');
  policy.node.tryRemoveChild('Resource');
  expect(findings(stack)).toEqual([expect.stringMatching(/AwsSolutions-S10\b.* openclaw-dev\/State\/Bucket/)]);
});
