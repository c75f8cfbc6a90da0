import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Comment {
  id: number;
  body: string;
  html_url: string;
  user: { type: string };
}

/** An answer in place of the usual; `carryOut` says whether the work is done all the same. */
export interface Fault {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly message?: string;
  readonly carryOut?: boolean;
}

const TOKEN = 'ghs_0123456789';

/**
 * What of GitHub's API a comment on a pull request needs, on this computer, as its reference has it: paging, tokens,
 * limits, outages.
 * https://docs.github.com/en/rest/issues/comments
 */
export class LoopbackGitHub {
  comments: Comment[] = [];
  /** What the next requests get, in order. */
  faults: Fault[] = [];
  /** What the first comment that is written gets. */
  onPost: Fault | undefined;
  readonly asked: string[] = [];

  private constructor(private readonly server: Server) {}

  static async start(): Promise<LoopbackGitHub> {
    const server = createServer();
    const made = new LoopbackGitHub(server);
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const chunks: Buffer[] = [];
      request.on('data', (data: Buffer) => chunks.push(data));
      request.on('end', () => {
        made.answer(request, Buffer.concat(chunks).toString(), response);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return made;
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** What a workflow on a pull request has in its environment. */
  env(): Record<string, string> {
    return { GITHUB_TOKEN: TOKEN, GITHUB_REPOSITORY: 'octocat/my-repo', GITHUB_API_URL: this.url };
  }

  write(body: string, type = 'Bot'): Comment {
    const id = this.comments.length + 1;
    const made = { id, body, html_url: `https://github.com/octocat/my-repo/pull/12#${id}`, user: { type } };
    this.comments.push(made);
    return made;
  }

  private answer({ method = '', url = '', headers }: IncomingMessage, text: string, response: ServerResponse): void {
    const send = (status: number, value: unknown, more: Record<string, string> = {}) => {
      response.writeHead(status, { 'content-type': 'application/json', ...more });
      response.end(JSON.stringify(value));
    };
    this.asked.push(`${method} ${url}`);
    const fault = this.faults.shift() ?? (method === 'POST' ? this.onPost : undefined);
    if (method === 'POST') this.onPost = undefined;
    const done = fault && !fault.carryOut ? undefined : this.carryOut(method, url, headers.authorization, text);
    if (fault) send(fault.status, { message: fault.message ?? 'no' }, fault.headers);
    else if (done) send(...done);
    else send(404, { message: 'Not Found' });
  }

  private carryOut(method: string, url: string, token = '', text: string): [number, unknown] {
    const { pathname, searchParams } = new URL(url, this.url);
    if (token !== `Bearer ${TOKEN}`) return [401, { message: 'Bad credentials' }];
    if (pathname === '/repos/octocat/my-repo/issues/12/comments') {
      if (method === 'POST') return [201, this.write(bodyOf(text))];
      const [size, page] = [Number(searchParams.get('per_page') ?? 30), Number(searchParams.get('page') ?? 1)];
      return [200, this.comments.slice(size * (page - 1), size * page)];
    }
    const [, id] = /^\/repos\/octocat\/my-repo\/issues\/comments\/(\d+)$/.exec(pathname) ?? [];
    const comment = this.comments.find((one) => String(one.id) === id);
    if (method !== 'PATCH' || !comment) return [404, { message: 'Not Found' }];
    comment.body = bodyOf(text);
    return [200, comment];
  }
}

function bodyOf(text: string): string {
  const { body } = JSON.parse(text) as { body: string };
  if (body.length > 65_536) throw new Error('body is too long (maximum is 65536 characters)');
  return body;
}
