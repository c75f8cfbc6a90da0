import { EXIT, Failure, UsageError } from './errors';
import type { World } from './world';

/** A pull request, and how to get at it. */
export interface PullRequest {
  /** Address of GitHub's API. */
  readonly api: string;
  readonly token: string;
  /** `owner/name` */
  readonly repository: string;
  readonly number: number;
}

interface Comment {
  readonly id: number;
  readonly body?: string;
  readonly user?: { readonly type?: string };
}

const ATTEMPTS = 5;
const PAGE = 100;
const TIMEOUT_MS = 20_000;
// A workflow is paid for while it waits: a limit that lasts longer is told.
const LONGEST_WAIT_SECONDS = 120;

/**
 * The pull request that the command line and the environment of a workflow on GitHub name.
 * @see https://docs.github.com/en/actions/reference/workflows-and-actions/variables
 * @throws UsageError with every fault
 */
export function pullRequest(number: string, { env }: World): PullRequest {
  const { GITHUB_TOKEN: token = '', GITHUB_REPOSITORY: repository = '', GITHUB_API_URL: api = '' } = env;
  const faults: string[] = [];
  if (!/^[1-9]\d{0,9}$/.test(number)) faults.push(`--pull-request must be its number, got '${number}'`);
  if (token === '') {
    faults.push(
      'GITHUB_TOKEN must be a token that may write comments, got nothing: in a workflow it is ${{ github.token }}',
    );
  }
  if (!/^[A-Za-z0-9-]+\/[A-Za-z0-9._-]+$/.test(repository)) {
    faults.push(`GITHUB_REPOSITORY must be a repository like octocat/my-repo, got '${repository}'`);
  }
  if (faults.length > 0) throw new UsageError(faults);
  return { api: api === '' ? 'https://api.github.com' : api, token, repository, number: Number(number) };
}

/**
 * Writes a comment, or rewrites the one that a workflow wrote before.
 * @param marker - what that one begins with
 * @returns its address
 * @throws Failure where GitHub refuses it, or does not take it in several attempts
 */
export async function writeComment(to: PullRequest, marker: string, body: string, world: World): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    try {
      // From the start each time: a comment can be there although the answer was lost.
      const before = await findComment(to, marker);
      const of = `/repos/${to.repository}/issues`;
      const written = before
        ? await ask(to, 'PATCH', `${of}/comments/${before.id}`, { body })
        : await ask(to, 'POST', `${of}/${to.number}/comments`, { body });
      return (written as { html_url?: string }).html_url ?? '';
    } catch (error) {
      if (!(error instanceof Again)) throw error;
      if (attempt === ATTEMPTS || error.seconds > LONGEST_WAIT_SECONDS) {
        throw new Failure([`${error.message}: try again later`], EXIT.failed);
      }
      const seconds = Math.max(error.seconds, 2 ** attempt);
      world.say(`${error.message}: trying again in ${seconds} s`);
      await world.sleep(1000 * seconds);
    }
  }
}

/** Of several of ours the first; a person's comment that quotes one is not ours. */
async function findComment(to: PullRequest, marker: string): Promise<Comment | undefined> {
  for (let page = 1; ; page++) {
    const path = `/repos/${to.repository}/issues/${to.number}/comments?per_page=${PAGE}&page=${page}`;
    const comments = (await ask(to, 'GET', path)) as Comment[];
    const ours = comments.find(({ body = '', user }) => user?.type === 'Bot' && body.startsWith(marker));
    if (ours || comments.length < PAGE) return ours;
  }
}

/** What can be tried again, not before so many seconds. */
class Again extends Error {
  constructor(
    message: string,
    readonly seconds = 0,
  ) {
    super(message);
  }
}

async function ask({ api, token }: PullRequest, method: string, path: string, body?: object): Promise<unknown> {
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(`${api}${path}`, {
      method,
      headers: {
        accept: 'application/vnd.github+json',
        authorization: `Bearer ${token}`,
        'user-agent': 'openclaw-spot',
        'x-github-api-version': '2022-11-28',
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    text = await answer.text();
  } catch (error) {
    const { message, cause } = error as Error;
    throw new Again(`GitHub cannot be reached at ${api} (${cause instanceof Error ? cause.message : message})`);
  }
  if (answer.ok) return parsed(text, api);
  const said = messageOf(text);
  const what = `GitHub answered ${method} ${path.split('?')[0] ?? ''} with ${answer.status}${said && ` (${said})`}`;
  const wait = waitOf(answer);
  if (answer.status >= 500 || wait !== undefined) throw new Again(what, wait);
  const help = [401, 403, 404].includes(answer.status)
    ? ': the token needs the permission pull-requests: write on this repository'
    : '';
  throw new Failure([what + help], EXIT.failed);
}

function parsed(text: string, api: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Failure([`what answers at ${api} is not GitHub: check GITHUB_API_URL and proxies`], EXIT.failed);
  }
}

function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? '';
  } catch {
    return '';
  }
}

/**
 * For how many seconds a limit lasts; undefined where none was met.
 * @see https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#handle-rate-limit-errors-appropriately
 */
function waitOf({ status, headers }: Response): number | undefined {
  if (status !== 403 && status !== 429) return undefined;
  const after = headers.get('retry-after');
  if (after !== null && /^\d+$/.test(after)) return Number(after);
  if (headers.get('x-ratelimit-remaining') === '0') {
    return Math.max(0, Number(headers.get('x-ratelimit-reset') ?? 0) - Math.floor(Date.now() / 1000));
  }
  return status === 429 ? 60 : undefined;
}
