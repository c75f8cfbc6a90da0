import { createServer, request as send, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

export const ROOT = join(__dirname, '..', '..', '..', '..');

// Not a matter of these tests, whose SDK is pinned.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

/** The environment of a person with working credentials at an endpoint; nothing of the caller's AWS settings. */
export const environment = (endpoint: string, more: Record<string, string> = {}): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  HOME: '/nonexistent',
  OPENCLAW_SETTINGS_DIR: '/nonexistent',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'secret',
  AWS_ENDPOINT_URL: endpoint,
  ...more,
});

/** What is asked of an endpoint: an API action, or S3's method and path. */
export interface Asked {
  readonly action: string;
  readonly region: string;
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** What an endpoint answers; undefined is left to what stands behind it. */
export type Answers = (asked: Asked) => Answer | undefined;

/** EC2's and Auto Scaling's actions are in the body, those of JSON services in a header, S3's in method and path. */
function actionOf({ method = '', url = '', headers }: IncomingMessage, body: string): string {
  const target = String(headers['x-amz-target'] ?? '')
    .split('.')
    .at(-1);
  const [, operation] = /\/operation\/(\w+)/.exec(url) ?? [];
  return new URLSearchParams(body).get('Action') ?? operation ?? (target === '' ? `${method} ${url}` : (target ?? ''));
}

/**
 * An HTTP endpoint on a free loopback port that gives these answers.
 * @param behind - what gets the requests that it does not answer
 */
export async function endpoint(answers: Answers, behind?: string): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (data: Buffer) => chunks.push(data));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const [, region = ''] = /Credential=[^/]+\/\d+\/([^/]+)\//.exec(request.headers.authorization ?? '') ?? [];
      const asked = { action: actionOf(request, body.toString()), region, body: body.toString() };
      const answer = answers(asked) ?? (behind === undefined ? { status: 400, body: '' } : undefined);
      if (answer === undefined) {
        pass(request, body, response, behind ?? '');
        return;
      }
      const type = request.headers['x-amz-target'] ? 'application/x-amz-json-1.1' : 'text/xml';
      response.writeHead(answer.status, { 'content-type': type });
      response.end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

function pass({ method, url, headers }: IncomingMessage, body: Buffer, response: ServerResponse, behind: string): void {
  const passed = send(`${behind}${url}`, { method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(response);
  });
  passed.on('error', () => response.destroy());
  passed.end(body);
}
