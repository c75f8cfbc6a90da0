import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../../../../lib/operator/errors';
import {
  parseRequest,
  readPaths,
  toArguments,
  toJson,
  type GivenRequest,
} from '../../../../lib/operator/state/request';
import { ROOT } from '../support/local-servers';

type Asked = Partial<GivenRequest>;
/** What the machine's own program is held to as well (test/bin/test_requests.py). */
const { accepted, refused } = JSON.parse(readFileSync(join(ROOT, 'test', 'bin', 'requests.json'), 'utf8')) as Record<
  'accepted' | 'refused',
  Asked[]
>;
const parse = ({ snapshot, at, paths = [] }: Asked) => parseRequest({ snapshot, at, paths });

describe('a request', () => {
  test.each(accepted.map((asked) => [asked]))('that the machine takes is taken: %j', (asked) => {
    expect(() => parse(asked)).not.toThrow();
  });

  test.each(refused.map((asked) => [asked]))('that the machine refuses is refused: %j', (asked) => {
    expect(() => parse(asked)).toThrow(UsageError);
  });

  test.each<[Asked, string]>([
    [{}, "or AT must be given, and not both, got SNAPSHOT='' AT=''"],
    [{ snapshot: 'abc', at: '2026-11-20 14:00' }, 'and not both'],
    [{ at: 'yesterday' }, "AT must be a time in UTC like '2026-11-20 14:00', got 'yesterday'"],
    [{ at: '2026-11-20T14:00' }, "got '2026-11-20T14:00'"],
    [{ at: '2026-11-20 14:00:00 +02:00' }, "got '2026-11-20 14:00:00 +02:00'"],
    [{ snapshot: '$(x)' }, "SNAPSHOT must be an id that `snapshots` lists, its beginning, or latest, got '$(x)'"],
    [{ snapshot: '-abc' }, "got '-abc'"],
    [
      { snapshot: 'abc', paths: ['notes.md'] },
      "a path must begin with one of .openclaw, workspace, auth-profile-secrets and hold no '..', got 'notes.md'",
    ],
    [{ snapshot: 'abc', paths: ['workspace/a\0b'] }, 'a path must begin with'],
  ])('%j is refused by %s', (asked, words) => {
    expect(() => parse(asked)).toThrow(words);
  });

  test('names every fault at once', () => {
    expect(() => parse({ at: 'x', paths: ['a', 'b'] })).toThrow(/AT must be.*\n.*got 'a'.*\n.*got 'b'/);
  });

  test('is sent without paths that are within others', () => {
    const request = parse({ at: '2026-11-20 14:00:30', paths: ['workspace/a/b', '/workspace/a/', 'workspace/c d'] });
    expect(JSON.parse(toJson(request))).toEqual({
      at: '2026-11-20T14:00:30Z',
      paths: ['workspace/a', 'workspace/c d'],
    });
    expect(toArguments(request)).toEqual(['--at', '2026-11-20 14:00:30', '--paths', 'workspace/a', 'workspace/c d']);
  });

  test('of everything has no paths', () => {
    expect(toJson(parse({ snapshot: 'latest' }))).toBe('{"snapshot":"latest"}');
    expect(toArguments(parse({ snapshot: 'latest' }))).toEqual(['--', 'latest']);
  });
});

describe("make's PATHS", () => {
  test.each<[string | undefined, string[]]>([
    [undefined, []],
    ['', []],
    [' workspace/a  workspace/b\n', ['workspace/a', 'workspace/b']],
    ['workspace/`x` workspace/$(x)', ['workspace/`x`', 'workspace/$(x)']],
    ['["workspace/my notes.md", "workspace/[1]"]', ['workspace/my notes.md', 'workspace/[1]']],
  ])('%j is %j', (text, paths) => {
    expect(readPaths(text)).toEqual(paths);
  });

  test.each(['[workspace/a]', '["workspace/a", 1]', '["workspace/a"'])('%s is refused', (text) => {
    expect(() => readPaths(text)).toThrow(
      `PATHS must be paths separated by blanks, or a list like '["workspace/my notes.md"]', got '${text}'`,
    );
  });
});
