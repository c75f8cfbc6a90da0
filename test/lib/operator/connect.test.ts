import { group, json, MACHINE, NO_GROUP, useDeployment } from './support/deployment-on-loopback';

const deployment = useDeployment();

const TOKEN = json({ Parameter: { Value: 'to/ken' } });
const NEXT = 'i-0fedcba9876543210';

/** Connects, and wants an end when a line says so. */
async function connect(args: string[], end: (said: string[]) => boolean, world: object = {}) {
  let interrupt: () => void = () => undefined;
  const said: string[] = [];
  const result = await deployment.run(
    ['connect', ...args],
    {},
    {
      onInterrupt: (listener) => {
        interrupt = listener;
        return () => undefined;
      },
      say: (line) => {
        said.push(line);
        if (end(said)) setImmediate(interrupt);
      },
      ...world,
    },
  );
  return { ...result, said };
}

const OPEN = (instance: string) => `OpenClaw on ${instance} is at http://localhost:18789; Control-C ends the tunnel`;

describe('connect', () => {
  test('opens a tunnel, and the page with the token by way of a redirect that is served once', async () => {
    deployment.answers = { GetParameter: TOKEN };
    const opened: string[] = [];
    const { status, out, said } = await connect([], (lines) => lines.includes(OPEN(MACHINE)), {
      browse: (url: string) => opened.push(url),
    });
    expect([status, out, said[0]]).toEqual([0, '', OPEN(MACHINE)]);
    expect(deployment.told).toMatchObject({
      DocumentName: 'AWS-StartPortForwardingSession',
      Parameters: { portNumber: ['18789'], localPortNumber: ['18789'] },
    });
    const [url = ''] = opened;
    expect(url).not.toContain('ken');
    const other = await fetch(new URL('/', url), { redirect: 'manual' });
    const { status: moved, headers } = await fetch(url, { redirect: 'manual' });
    expect([other.status, moved, headers.get('location')]).toEqual([
      404,
      302,
      'http://localhost:18789/#token=to%2Fken',
    ]);
    await expect(fetch(url, { redirect: 'manual' })).rejects.toThrow();
  });

  test('prints the token where that is wanted, and starts no browser where not', async () => {
    deployment.answers = { GetParameter: TOKEN };
    const browse = jest.fn();
    const end = (lines: string[]) => lines.includes(OPEN(MACHINE));
    const { out } = await connect(['--no-open', '--print-token'], end, { browse });
    expect([out, browse.mock.calls]).toEqual(['to/ken\n', []]);
    expect(deployment.asked.some(({ body }) => body.includes('"WithDecryption":true'))).toBe(true);
  });

  test('finds the next machine when the machine is replaced', async () => {
    const groups = [
      group([MACHINE, 'InService']),
      group([MACHINE, 'Terminating:Wait']),
      group([MACHINE, 'Terminating:Wait'], [NEXT, 'Pending']),
    ];
    let ended = false;
    deployment.answers = {
      // The group changes once the first tunnel has ended.
      DescribeAutoScalingGroups: () => (ended ? (groups.shift() ?? group([NEXT, 'InService'])) : groups[0]),
    };
    const { status, said } = await connect(['--no-open'], (lines) => {
      ended ||= lines.at(-1)?.startsWith('the tunnel to') ?? false;
      if (ended && groups.length === 3) groups.shift();
      return lines.includes(OPEN(NEXT));
    });
    expect([status, said.slice(0, 5)]).toEqual([
      0,
      [
        OPEN(MACHINE),
        `the tunnel to ${MACHINE} has ended; looking for the machine in service`,
        `no machine is in service (${MACHINE} is Terminating:Wait): waiting for the next one`,
        `no machine is in service (${MACHINE} is Terminating:Wait, ${NEXT} is Pending): waiting for the next one`,
        OPEN(NEXT),
      ],
    ]);
  });

  test.each([
    [
      'another local port',
      ['--local-port', '8080'],
      {},
      2,
      "the local port must be 18789, got '8080': OpenClaw serves its page to the origin http://localhost:18789 alone, and the browser of any other port would be refused",
    ],
    [
      'a port in use',
      [],
      { isFree: () => Promise.resolve(false) },
      1,
      'port 18789 of this computer is in use: by another `connect`, or by an OpenClaw here; end that, and run this again',
    ],
  ])('refuses %s, with the reason', async (_, args, world, code, line) => {
    const { status, said } = await connect(args, () => false, world);
    expect([status, said, deployment.asked]).toEqual([code, [`error: ${line}`], []]);
  });

  test('of no such deployment, or without a token yet, fails', async () => {
    deployment.answers = { DescribeAutoScalingGroups: NO_GROUP };
    expect(await connect(['--no-open'], () => false)).toMatchObject({
      status: 3,
      said: [expect.stringContaining('no such deployment')],
    });
    deployment.answers = { GetParameter: json({ __type: 'ParameterNotFound', message: '' }, 400) };
    expect(await connect([], () => false)).toMatchObject({
      status: 3,
      said: [expect.stringContaining('there is no parameter /openclaw/dev/env/OPENCLAW_GATEWAY_TOKEN')],
    });
  });
});

test('shell needs a terminal', async () => {
  const { status, said } = await deployment.run(['shell']);
  expect([status, said]).toEqual([2, ['error: a shell needs a terminal; for one command without: run -- COMMAND']]);
});
