import { parseImageReference } from '../../../lib/config/image-reference';

const SHA256 = `sha256:${'0a'.repeat(32)}`;

describe('references', () => {
  test.each([
    'busybox',
    'busybox:1.37',
    'openclaw/openclaw',
    'ghcr.io/openclaw/openclaw:2026.9.6',
    `ghcr.io/openclaw/openclaw@${SHA256}`,
    `ghcr.io/openclaw/openclaw:2026.9.6@${SHA256}`,
    `openclaw@sha512:${'0a'.repeat(64)}`,
    'localhost/openclaw',
    'localhost:5000/openclaw:dev',
    'Registry.example.com:443/a/b__c/d-e--f/g.h:V1_2.3-x',
    '[2001:db8::1]:5000/openclaw',
    `a:${'t'.repeat(128)}`,
  ])('%s', (reference) => {
    expect(parseImageReference(reference)).toEqual({ reference });
  });
});

describe('no references', () => {
  test.each([
    '',
    'Openclaw',
    'openclaw/Openclaw:1',
    'open claw',
    'openclaw:',
    'openclaw:1:2',
    'openclaw:-1',
    `openclaw:${'t'.repeat(129)}`,
    'openclaw@',
    'openclaw@sha256:abc',
    `openclaw@sha256:${'0A'.repeat(32)}`,
    `openclaw@md5:${'0a'.repeat(16)}`,
    '/openclaw',
    'openclaw/',
    'a//b',
    'a___b',
    'a._b',
    '-a/b',
    'a/-b',
    'registry.example.com/',
    'registry..example.com/a',
    '-registry.example.com/a',
    'registry.example.com:port/a',
    'https://ghcr.io/openclaw/openclaw',
    '0a'.repeat(32),
    `${'a/'.repeat(127)}ab`,
    'openclaw\n',
  ])('%j', (text) => {
    expect(parseImageReference(text)).toBeUndefined();
  });
});

describe('ECR', () => {
  test.each([
    ['123456789012.dkr.ecr.me-central-1.amazonaws.com/openclaw', 'me-central-1', 'openclaw'],
    ['123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/openclaw:1', 'eu-west-1', 'team/openclaw'],
    ['123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/openclaw:1', 'cn-north-1', 'openclaw'],
    ['123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu/openclaw:1', 'eusc-de-east-1', 'openclaw'],
    [`123456789012.dkr.ecr.us-gov-west-1.amazonaws.com/openclaw@${SHA256}`, 'us-gov-west-1', 'openclaw'],
  ])('%s', (reference, region, repositoryName) => {
    expect(parseImageReference(reference)).toEqual({
      reference,
      ecr: { account: '123456789012', region, repositoryName },
    });
  });

  test.each([
    'public.ecr.aws/docker/library/busybox:1',
    '12345.dkr.ecr.me-central-1.amazonaws.com/openclaw',
    '123456789012.dkr.ecr.me-central-1.amazonaws.com.example.com/openclaw',
    'example.com/123456789012.dkr.ecr.me-central-1.amazonaws.com/openclaw',
  ])('%s is elsewhere', (reference) => {
    expect(parseImageReference(reference)).toEqual({ reference });
  });
});
