import { decide, type Question } from './iam';

const BUCKET = 'arn:aws:s3:::bucket';
const ask = (action: string, resource: string, context: Question['context'] = {}) => ({ action, resource, context });
const policy = (Condition: object) => ({
  Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: `${BUCKET}/*`, Condition }],
});

test.each([
  [ask('s3:GetObjekt', `${BUCKET}/key`), 'IAM has no action s3:GetObjekt'],
  [ask('s4:GetObject', `${BUCKET}/key`), 'IAM has no action s4:GetObject'],
  [
    ask('s3:ListBucket', `${BUCKET}/key`),
    `s3:ListBucket does not take ${BUCKET}/key: its resource types are accesspoint, bucket`,
  ],
  [ask('s3:GetObject', BUCKET), `s3:GetObject does not take ${BUCKET}`],
  [ask('ssm:PutParameter', '*'), 'ssm:PutParameter does not take *: its resource types are parameter'],
  [ask('ecr:GetAuthorizationToken', BUCKET), `does not take ${BUCKET}: its resource types are *`],
  [ask('s3:GetObject', `${BUCKET}/key`, { 'ssm:Overwrite': 'true' }), 's3:GetObject is asked without ssm:Overwrite'],
])('what nobody could ask is an error of the test, not a denial: %j', async (question, message) => {
  await expect(decide({ Statement: [] }, [question])).rejects.toThrow(message);
});

test('an operator that the evaluator does not have is an error, not a denial', async () => {
  const asked = decide(policy({ BinaryEquals: { 'aws:PrincipalTag/x': 'eA==' } }), [
    ask('s3:GetObject', `${BUCKET}/key`),
  ]);
  await expect(asked).rejects.toThrow('condition operator BinaryEquals is not modelled');
});

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
test('all keys of a condition must match, each any of its values, a negated one none', async () => {
  const documented = policy({
    StringEquals: {
      'aws:PrincipalTag/department': ['finance', 'hr', 'legal'],
      'aws:PrincipalTag/role': ['audit', 'security'],
    },
    StringNotEquals: { 'aws:PrincipalAccount': '123456789012' },
  });
  const principals: Question['context'][] = [
    { 'aws:PrincipalTag/department': 'hr', 'aws:PrincipalTag/role': 'audit', 'aws:PrincipalAccount': '999999999999' },
    { 'aws:PrincipalTag/department': 'hr', 'aws:PrincipalTag/role': 'pull', 'aws:PrincipalAccount': '999999999999' },
    { 'aws:PrincipalTag/department': 'it', 'aws:PrincipalTag/role': 'audit', 'aws:PrincipalAccount': '999999999999' },
    { 'aws:PrincipalTag/department': 'hr', 'aws:PrincipalTag/role': 'audit', 'aws:PrincipalAccount': '123456789012' },
    { 'aws:PrincipalTag/department': 'hr', 'aws:PrincipalAccount': '999999999999' },
  ];
  const questions = principals.map((context) => ask('s3:GetObject', `${BUCKET}/key`, context));
  expect(await decide(documented, questions)).toEqual([
    'Allow',
    'no decision',
    'no decision',
    'no decision',
    'no decision',
  ]);
});
