import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AwsCallError } from '../aws/calls';
import { explain } from '../aws/explain';
import type { Deployment } from '../deployment';
import { EXIT, Failure, UsageError } from '../errors';
import { findGroup, inService, noSuchDeployment, whyNone } from '../machine';
import { openSession, pluginVersion } from '../session/session';
import type { World } from '../world';
import { command, type Definition } from './definition';

/** The only origin that OpenClaw trusts is http://localhost with this port. */
const PORT = 18789;
const ADDRESS = `http://localhost:${PORT}`;
const LOOK_EVERY_MS = 5_000;
/** A browser that has not come by then never will. */
const REDIRECT_MS = 60_000;

const connect: Definition = {
  command: command(
    {
      usage: 'connect',
      summary: "open OpenClaw's page: a tunnel to the machine, and the browser with the gateway token",
      description:
        `Keeps a tunnel from ${ADDRESS} to OpenClaw until Control-C, and opens the browser there with the gateway token. When ` +
        'the machine is replaced, the tunnel goes on to the next one.',
      examples: ['connect --region me-central-1', 'connect --no-open --print-token'],
    },
    (made) =>
      made
        .option('--no-open', 'start no browser')
        .option('--print-token', 'print the gateway token, which the page asks for')
        .option('--local-port <port>', `there is only ${PORT}`),
  ),
  work: async (context) => {
    const { open, printToken, localPort } = context.options as {
      open: boolean;
      printToken?: boolean;
      localPort?: string;
    };
    if (localPort !== undefined && localPort !== `${PORT}`) {
      throw new UsageError([
        `the local port must be ${PORT}, got '${localPort}': OpenClaw serves its page to the origin ${ADDRESS} alone, and the browser of any other port would be refused`,
      ]);
    }
    const { world } = context;
    if (!(await world.isFree(PORT))) {
      throw new Failure([
        `port ${PORT} of this computer is in use: by another \`connect\`, or by an OpenClaw here; end that, and run this again`,
      ]);
    }
    await pluginVersion(world);
    const deployment = await context.deployment();
    const token = open || printToken ? await readToken(deployment) : '';
    if (printToken || context.options.json) {
      context.show(`${token}\n`, { address: ADDRESS, ...(printToken && { token }) });
    }
    const tunnel = new Tunnel(deployment, world, () => {
      if (open) openPage(world, token);
    });
    await tunnel.keep();
    return EXIT.done;
  },
};

async function readToken({ aws, path, options }: Deployment): Promise<string> {
  const Name = `${path}/env/OPENCLAW_GATEWAY_TOKEN`;
  try {
    const { Parameter } = await aws.ssm('GetParameter', (ssm) => ssm.getParameter({ Name, WithDecryption: true }));
    return Parameter?.Value ?? '';
  } catch (error) {
    if (!(error instanceof AwsCallError) || error.code !== 'ParameterNotFound') throw error;
    throw new Failure(
      [
        `there is no parameter ${Name}: the first boot makes it (status ${options} says how far that is); without the token: connect --no-open`,
      ],
      EXIT.nothingThere,
    );
  }
}

/** Opens the page by way of a redirect that is served once, so that the token is in no argument of a program. */
function openPage(world: World, token: string): void {
  const path = `/${randomBytes(16).toString('hex')}`;
  const server = createServer(({ url }, response) => {
    if (url !== path) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(302, {
      location: `${ADDRESS}/#token=${encodeURIComponent(token)}`,
      'cache-control': 'no-store',
    });
    response.end();
    server.close();
  });
  server.listen(0, '127.0.0.1', () => {
    world.browse(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`);
  });
  server.unref();
  setTimeout(() => server.close(), REDIRECT_MS).unref();
}

/** A tunnel that goes on to the next machine. */
class Tunnel {
  private readonly end = new AbortController();
  private session: ChildProcess | undefined;
  private said = '';

  /** @param opened - called when it is open for the first time */
  constructor(
    private readonly deployment: Deployment,
    private readonly world: World,
    private opened: () => void,
  ) {}

  /** Until the person wants an end. @throws Failure, AwsCallError where it cannot be opened for the first time */
  async keep(): Promise<void> {
    const off = this.world.onInterrupt(() => {
      this.end.abort();
      this.session?.kill();
    });
    try {
      while (this.goesOn()) {
        await this.pass();
        if (this.goesOn()) await this.world.sleep(LOOK_EVERY_MS, this.end.signal);
      }
    } finally {
      off();
    }
  }

  private goesOn(): boolean {
    return !this.end.signal.aborted;
  }

  /** One machine's time. */
  private async pass(): Promise<void> {
    try {
      const group = await findGroup(this.deployment);
      if (!group) throw noSuchDeployment(this.deployment);
      const machine = inService(group);
      if (!machine) {
        this.tell(`no machine is in service (${whyNone(group)}): waiting for the next one`);
        return;
      }
      await this.through(machine.id);
    } catch (error) {
      // Only what was open once is waited for: a network that is away for a while, a machine that still boots.
      if (this.opened !== nothing || !(error instanceof AwsCallError || error instanceof Failure)) throw error;
      this.tell(error instanceof Failure ? error.lines.join('; ') : explain(error));
    }
  }

  private async through(instance: string): Promise<void> {
    // The plugin ends where its input ends.
    const session = await openSession(this.deployment, this.world, instance, ['pipe', 'pipe', 'inherit'], {
      name: 'AWS-StartPortForwardingSession',
      parameters: { portNumber: [`${PORT}`], localPortNumber: [`${PORT}`] },
    });
    this.session = session;
    let text = '';
    session.stdout?.on('data', (data: Buffer) => {
      text += data.toString();
      if (!text.includes('Waiting for connections')) return;
      text = '';
      this.tell(`OpenClaw on ${instance} is at ${ADDRESS}; Control-C ends the tunnel`);
      this.opened();
      this.opened = nothing;
    });
    const closed = new Promise<void>((resolve, reject) => {
      session.on('close', () => {
        resolve();
      });
      session.on('error', reject);
    });
    const over = new AbortController();
    const watched = this.watch(instance, session, over.signal);
    await closed;
    over.abort();
    await watched;
    if (this.goesOn()) this.tell(`the tunnel to ${instance} has ended; looking for the machine in service`);
  }

  /** Ends the session when another machine is in service: the plugin itself may hold on to one that is gone. */
  private async watch(instance: string, session: ChildProcess, over: AbortSignal): Promise<void> {
    for (;;) {
      await this.world.sleep(LOOK_EVERY_MS, over);
      if (over.aborted || !this.goesOn()) return;
      // What cannot be asked now can be asked next time.
      const current = await findGroup(this.deployment).then(inService, () => undefined);
      if (current && current.id !== instance) {
        session.kill();
        return;
      }
    }
  }

  /** Says each thing once. */
  private tell(line: string): void {
    if (line === this.said) return;
    this.said = line;
    this.world.say(line);
  }
}

const nothing = () => undefined;

export const CONNECT_COMMANDS: readonly Definition[] = [connect];
