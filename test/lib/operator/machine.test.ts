import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { group, MACHINE, NO_GROUP, useDeployment } from './support/deployment-on-loopback';

const deployment = useDeployment();

describe('a command on the machine', () => {
  test.each([
    [['backup'], {}, ['backup']],
    [['backup', '--force'], {}, ['backup', '--force']],
    [['backup'], { FORCE: '1' }, ['backup', '--force']],
    [['backup'], { FORCE: '' }, ['backup']],
    [['snapshots'], {}, ['snapshots']],
    [['drill'], {}, ['drill']],
    [['stop'], {}, ['stop']],
    [['start'], {}, ['start']],
    [
      ['run', '--', 'openclaw-state', 'restore', '--at', '2026-11-20 14:00'],
      {},
      ['restore', '--at', '2026-11-20 14:00'],
    ],
    [['run', 'openclaw-state', 'status', '--json'], {}, ['status', '--json']],
  ])('%j with %j asks openclaw-state for %j', async (args, env, words) => {
    const { status, said } = await deployment.run(args, env);
    expect([status, said, deployment.words]).toEqual([0, [], words]);
  });

  test('is given each word as it is: no shell reads it', async () => {
    const words = [
      '`touch x`',
      '$(touch x)',
      "it's",
      '"quoted"',
      'two  blanks',
      '-dash',
      '--',
      '*',
      '\\',
      'a\nb',
      '{{ x }}',
      'ü',
    ];
    await deployment.run(['run', '--', 'openclaw-state', ...words]);
    expect(deployment.words).toEqual(words);
  });

  test("runs as root with the machine's own directories in its path, on the machine in service", async () => {
    deployment.answers = { DescribeAutoScalingGroups: group(['i-0aa', 'Terminating:Wait'], [MACHINE, 'InService']) };
    const credentials = join(deployment.directory, 'credentials');
    writeFileSync(credentials, '[ada]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = secret\n');
    await deployment.run(['run', '--stack', 'lab', '--', 'true'], {
      AWS_PROFILE: 'ada',
      AWS_SHARED_CREDENTIALS_FILE: credentials,
      AWS_ACCESS_KEY_ID: '',
      AWS_SECRET_ACCESS_KEY: '',
    });
    expect(deployment.asked[0]?.body).toContain('openclaw-lab');
    expect(deployment.told).toMatchObject({
      inEnvironment: true,
      region: 'me-central-1',
      operation: 'StartSession',
      profile: 'ada',
      endpoint: deployment.url,
      Target: MACHINE,
      DocumentName: 'AWS-StartInteractiveCommand',
    });
    expect(JSON.stringify(deployment.told)).toContain(
      "'sudo' 'env' 'PATH=/usr/local/bin:/usr/sbin:/usr/bin' 'true' </dev/null",
    );
  });

  test('gives a plugin of before 1.2.497 the session as an argument, which alone it knows', async () => {
    await deployment.run(['run', '--', 'true'], { PLUGIN_VERSION: '1.2.463.0' });
    expect(deployment.told).toMatchObject({ inEnvironment: false });
  });

  test.each([0, 1, 3, 78])('ends as it ends, with %i, and shows what it says, and nothing else', async (code) => {
    const { status, out, said } = await deployment.run([
      'run',
      '--',
      'sh',
      '-c',
      `echo before; echo after; exit ${code}`,
    ]);
    expect([status, out, said]).toEqual([code, 'before\nafter\n', []]);
  });

  test('shows output without a line at its end as it is, also what begins like our own record', async () => {
    const { status, out } = await deployment.run(['run', '--', 'printf', 'a\\036b\\036c\\n\\036d']);
    expect([status, out]).toEqual([0, 'a\u001eb\u001ec\n\u001ed']);
  });

  test('shows a question before its answer: what is no whole line yet waits for nothing', async () => {
    const answer = join(deployment.directory, 'answer');
    let shown = '';
    const out = (text: string) => {
      shown += text;
      if (shown.endsWith('sure? ')) writeFileSync(answer, 'yes\n');
    };
    const ask = `printf 'sure? '; for i in $(seq 300); do [ -s ${answer} ] && break; sleep 0.1; done; cat ${answer}`;
    const { status } = await deployment.run(['run', '--', 'sh', '-c', ask], {}, { out });
    expect([status, shown]).toEqual([0, 'sure? yes\n']);
  });

  test('has an empty standard input where nobody sits at a terminal, and ends in its own time', async () => {
    const { status, out } = await deployment.run(
      ['run', '--', 'sh', '-c', 'cat; sleep 0.3; echo done'],
      {},
      { input: new PassThrough() },
    );
    expect([status, out]).toEqual([0, 'done\n']);
  });

  test('with --json is one value: what ran where, how it ended, what it said', async () => {
    const { status, out } = await deployment.run(['run', '--json', '--', 'sh', '-c', 'echo hello; exit 3']);
    expect(status).toBe(3);
    expect(JSON.parse(out)).toEqual({
      instance: MACHINE,
      command: ['sh', '-c', 'echo hello; exit 3'],
      status: 3,
      output: 'hello\n',
    });
  });

  test('a drill by hand makes way for the service, as the weekly one does', async () => {
    await deployment.run(['drill']);
    expect(JSON.stringify(deployment.told)).toContain("'nice' '-n' '19' 'ionice' '-c' '3' 'openclaw-state' 'drill'");
  });
});

describe('what cannot be done is told in one line', () => {
  const failing = (code: string, message: string) => ({ status: 400, body: JSON.stringify({ __type: code, message }) });
  test.each([
    ['no command', ['run'], {}, {}, 2, 'a command must be given, for example: run -- openclaw-state status'],
    [
      'no such deployment',
      ['run', '--', 'true'],
      { DescribeAutoScalingGroups: NO_GROUP },
      {},
      3,
      'no such deployment: me-central-1 has no group openclaw-dev; STACK and REGION (--stack, --region) must name a deployment',
    ],
    [
      'no machine',
      ['run', '--', 'true'],
      { DescribeAutoScalingGroups: group(['i-0aa', 'Pending']) },
      {},
      3,
      'no machine of openclaw-dev is in service in me-central-1: i-0aa is Pending',
    ],
    [
      'a machine that Session Manager does not reach',
      ['run', '--', 'true'],
      { StartSession: failing('TargetNotConnected', 'i-0 is not connected.') },
      {},
      3,
      `${MACHINE} is not connected to Session Manager: it boots, or ends, or its agent is down; try again in a minute`,
    ],
    [
      'a denied session',
      ['run', '--', 'true'],
      {
        StartSession: failing(
          'AccessDeniedException',
          `User: arn:aws:iam::123456789012:user/ada is not authorized to perform: ssm:StartSession on resource: x because no identity-based policy allows the ssm:StartSession action`,
        ),
      },
      {},
      1,
      'not allowed: ssm:StartSession in me-central-1 as arn:aws:iam::123456789012:user/ada (no identity-based policy allows the ssm:StartSession action); allow this action to the user or role',
    ],
    [
      'no plugin',
      ['run', '--', 'true'],
      {},
      { PATH: '/nonexistent' },
      1,
      'session-manager-plugin is missing; install it and run this again: https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html',
    ],
    [
      'a session that breaks off',
      ['run', '--', 'sh', '-c', 'echo before; sleep 5'],
      {},
      { PLUGIN_BREAKS: '43' },
      1,
      'the session ended before the command did: it may still run, and how it ends is not known',
    ],
    [
      'a session that never begins',
      ['run', '--', 'true'],
      {},
      { PLUGIN_BREAKS: 'at once' },
      1,
      `the session with ${MACHINE} ended before the command began: Starting session with SessionId: ada-1`,
    ],
  ])('%s', async (_, args, answers, env, code, line) => {
    deployment.answers = answers;
    const { status, said } = await deployment.run(args, env);
    expect([status, said]).toEqual([code, [`error: ${line}`]]);
    expect(deployment.words).toBeUndefined();
  });
});

test('replace ends the machine in service through its group, which keeps its size', async () => {
  deployment.answers = { TerminateInstanceInAutoScalingGroup: { status: 200, body: '<x/>' } };
  const { status, out, said } = await deployment.run(['replace']);
  expect([status, said, deployment.actions]).toEqual([
    0,
    [],
    ['DescribeAutoScalingGroups', 'TerminateInstanceInAutoScalingGroup'],
  ]);
  expect(deployment.asked[1]?.body).toContain(`ShouldDecrementDesiredCapacity=false&InstanceId=${MACHINE}`);
  expect(out).toContain(`${MACHINE} saves the state and ends; openclaw-dev then launches its replacement`);
});

test('a replace that is refused promises nothing', async () => {
  const error = '<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>';
  deployment.answers = { TerminateInstanceInAutoScalingGroup: { status: 403, body: error } };
  const { status, out, said } = await deployment.run(['replace']);
  expect([status, out, said]).toEqual([
    1,
    '',
    [
      'error: not allowed: autoscaling:TerminateInstanceInAutoScalingGroup in me-central-1; allow this action to the user or role',
    ],
  ]);
});
