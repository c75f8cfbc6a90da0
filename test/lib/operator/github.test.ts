import { EXIT, Failure, UsageError } from '../../../lib/operator/errors';
import { pullRequest, writeComment } from '../../../lib/operator/github';
import { LoopbackGitHub, type Fault } from './support/github-on-loopback';
import { worldOf } from './support/tool';

let github: LoopbackGitHub;
beforeEach(async () => {
  github = await LoopbackGitHub.start();
});
afterEach(() => {
  github.stop();
});

const MARKER = '<!-- ours -->';

/** Writes it, and what was said and waited for. */
async function write(body: string, env: Record<string, string> = {}) {
  const said: string[] = [];
  const waited: number[] = [];
  const world = {
    ...worldOf({ ...github.env(), ...env }),
    say: (line: string) => said.push(line),
    sleep: (milliseconds: number) => {
      waited.push(milliseconds / 1000);
      return Promise.resolve();
    },
  };
  const url = await writeComment(pullRequest('12', world), MARKER, `${MARKER}\n${body}`, world);
  return { url, said, waited };
}

async function failing(work: Promise<unknown>): Promise<Error> {
  return work.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as Error,
  );
}

describe('a comment', () => {
  test('is written once, and then kept up to date in its place', async () => {
    github.write('a question', 'User');
    expect((await write('one')).url).toBe('https://github.com/octocat/my-repo/pull/12#2');
    github.write('an answer', 'User');
    await write('two');
    expect(github.comments.map(({ body }) => body)).toEqual(['a question', `${MARKER}\ntwo`, 'an answer']);
  });

  test('is found behind many others', async () => {
    for (let count = 0; count < 250; count++) github.write(`no ${count}`, 'User');
    await write('one');
    for (let count = 0; count < 99; count++) github.write(`no ${count}`, 'User');
    await write('two');
    expect(github.comments.filter(({ body }) => body.startsWith(MARKER))).toHaveLength(1);
    expect(github.comments).toHaveLength(350);
  });

  test('of a person or of another program is left alone, also where it quotes ours', async () => {
    github.write(`${MARKER}\nas the comment said`, 'User');
    github.write(`see ${MARKER}`);
    await write('one');
    expect(github.comments.map(({ body }) => body)).toEqual([
      `${MARKER}\nas the comment said`,
      `see ${MARKER}`,
      `${MARKER}\none`,
    ]);
  });

  test('that GitHub wrote although its answer was lost is not written again', async () => {
    github.onPost = { status: 502, carryOut: true };
    await write('one');
    expect(github.comments).toHaveLength(1);
  });
});

describe('GitHub is asked again', () => {
  const now = Math.floor(Date.now() / 1000);
  test.each<[string, Fault[], number[]]>([
    ['after an outage', [{ status: 503 }, { status: 502 }], [2, 4]],
    ['after the time that it names', [{ status: 403, headers: { 'retry-after': '7' } }], [7]],
    ['after a second limit', [{ status: 429, headers: { 'retry-after': '1' } }], [2]],
    ['after a limit without a time', [{ status: 429 }], [60]],
    [
      'when its limit has ended',
      [{ status: 403, headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(now - 5) } }],
      [2],
    ],
  ])('%s', async (_, faults, expected) => {
    github.faults = [...faults];
    const { said, waited } = await write('one');
    expect(waited).toEqual(expected);
    expect(said).toHaveLength(expected.length);
    expect(said[0]).toMatch(
      /^GitHub answered GET \/repos\/octocat\/my-repo\/issues\/12\/comments with \d+ \(no\): trying/,
    );
    expect(github.comments.map(({ body }) => body)).toEqual([`${MARKER}\none`]);
  });

  test('but not for ever', async () => {
    github.faults = Array.from({ length: 9 }, () => ({ status: 500 }));
    const error = await failing(write('one'));
    expect(error).toBeInstanceOf(Failure);
    expect(error.message).toMatch(/with 500 \(no\): try again later$/);
    expect(github.asked).toHaveLength(5);
  });

  test('nor after hours', async () => {
    const reset = String(Math.floor(Date.now() / 1000) + 3000);
    github.faults = [{ status: 403, headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset } }];
    expect((await failing(write('one'))).message).toMatch(/with 403 \(no\): try again later$/);
  });
});

describe('one line says what is wrong with', () => {
  test('a token that may not write comments', async () => {
    github.faults = [{ status: 403, message: 'Resource not accessible by integration' }];
    const error = (await failing(write('one'))) as Failure;
    expect(error.status).toBe(EXIT.failed);
    expect(error.lines).toEqual([
      'GitHub answered GET /repos/octocat/my-repo/issues/12/comments with 403 (Resource not accessible by integration): ' +
        'the token needs the permission pull-requests: write on this repository',
    ]);
    expect(github.asked).toHaveLength(1);
  });

  test('a token that GitHub does not know', async () => {
    const { message } = await failing(write('one', { GITHUB_TOKEN: 'ghs_x' }));
    expect(message).toMatch(/with 401 \(Bad credentials\): the token needs/);
    expect(message).not.toContain('ghs_x');
  });

  test('an address where nobody answers', async () => {
    const { message } = await failing(write('one', { GITHUB_API_URL: 'http://127.0.0.1:1' }));
    expect(message).toMatch(/^GitHub cannot be reached at http:\/\/127\.0\.0\.1:1 \(.*\): try again later$/);
  });

  test('what is missing', () => {
    const read = (number: string, env: Record<string, string>) => () => pullRequest(number, worldOf(env));
    expect(read('#12', {})).toThrow(
      new UsageError([
        "--pull-request must be its number, got '#12'",
        'GITHUB_TOKEN must be a token that may write comments, got nothing: in a workflow it is ${{ github.token }}',
        "GITHUB_REPOSITORY must be a repository like octocat/my-repo, got ''",
      ]),
    );
    expect(read('12', { GITHUB_TOKEN: 't', GITHUB_REPOSITORY: 'a/b' })()).toEqual({
      api: 'https://api.github.com',
      token: 't',
      repository: 'a/b',
      number: 12,
    });
  });
});
