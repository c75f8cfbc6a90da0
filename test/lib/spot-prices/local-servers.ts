import { spawn, type ChildProcess } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import { createServer as createSocket, type AddressInfo } from 'node:net';
import { join } from 'node:path';

export const ROOT = join(__dirname, '..', '..', '..');

/** The environment of a person with working credentials at an endpoint; nothing of the caller's AWS settings. */
export const environment = (endpoint: string, more: Record<string, string> = {}): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  HOME: '/nonexistent',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'secret',
  AWS_ENDPOINT_URL: endpoint,
  ...more,
});

export interface Result {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the program as `make ec2-spot-prices` does. */
export async function program(env: NodeJS.ProcessEnv, ...args: string[]): Promise<Result> {
  const tsx = join(ROOT, 'node_modules', '.bin', 'tsx');
  const child = spawn(tsx, [join(ROOT, 'bin', 'ec2-spot-prices.ts'), ...args], { env });
  const [out, err]: [string[], string[]] = [[], []];
  child.stdout.on('data', (data: Buffer) => out.push(data.toString()));
  child.stderr.on('data', (data: Buffer) => err.push(data.toString()));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, out: out.join(''), err: err.join('') };
}

/** What an endpoint answers to an API action: the name in the body of EC2's calls or in the header of Pricing's. */
export type Answers = (action: string, region: string) => { status: number; body: string };

/** An HTTP endpoint on a free loopback port that gives these answers. */
export async function endpoint(answers: Answers): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    const body: Buffer[] = [];
    request.on('data', (data: Buffer) => body.push(data));
    request.on('end', () => {
      const target = String(request.headers['x-amz-target'] ?? '')
        .split('.')
        .at(-1);
      const action = new URLSearchParams(Buffer.concat(body).toString()).get('Action') ?? target ?? '';
      const [, region = ''] = /Credential=[^/]+\/\d+\/([^/]+)\//.exec(request.headers.authorization ?? '') ?? [];
      const answer = answers(action, region);
      response.writeHead(answer.status, { 'content-type': target ? 'application/x-amz-json-1.1' : 'text/xml' });
      response.end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

async function freePort(): Promise<number> {
  const socket = createSocket();
  await new Promise<void>((resolve) => socket.listen(0, '127.0.0.1', resolve));
  const { port } = socket.address() as AddressInfo;
  await new Promise((resolve) => socket.close(resolve));
  return port;
}

/** The local AWS (moto), started and answering. */
export async function localAws(): Promise<{ url: string; child: ChildProcess }> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const python = join(ROOT, '.venv', 'bin', 'python');
  const child = spawn(python, ['-m', 'moto.server', '-H', '127.0.0.1', '-p', `${port}`], { stdio: 'ignore' });
  for (let attempt = 0; attempt < 300 && child.exitCode === null; attempt++) {
    if (
      await fetch(`${url}/moto-api/data.json`)
        .then(({ ok }) => ok)
        .catch(() => false)
    )
      return { url, child };
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  child.kill();
  throw new Error(`the local AWS did not start on port ${port} (exit code ${child.exitCode ?? 'none'})`);
}
