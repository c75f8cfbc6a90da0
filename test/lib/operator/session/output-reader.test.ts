import { OutputReader } from '../../../../lib/operator/session/output-reader';

const NONCE = 'abc123';
const SESSION = `talk\r\n\u001e${NONCE}\r\nfirst\r\nsecond \u001e here\r\nthird\u001e${NONCE} 78\r\nmore talk\r\n`;

/** What is shown of the parts, in order, and the reader after them. */
function read(parts: string[]): { shown: string[]; reader: OutputReader } {
  const reader = new OutputReader(NONCE);
  return { shown: [...parts.map((part) => reader.push(part)), reader.finish()], reader };
}

describe("a session's output", () => {
  test.each([1, 2, 3, 7, 1000])('in pieces of %i characters is the same', (length) => {
    const parts = SESSION.match(new RegExp(`[^]{1,${length}}`, 'g')) ?? [];
    const { shown, reader } = read(parts);
    expect([shown.join(''), reader.status]).toEqual(['first\nsecond \u001e here\nthird', 78]);
    expect(reader.talk).toContain('talk');
  });

  test('is shown as it comes, but for what may be a record', () => {
    const { shown } = read([`\u001e${NONCE}\n`, 'sure? ', 'a\u001e', `${NONCE} 1`, '2\n']);
    expect(shown).toEqual(['', 'sure? ', 'a', '', '', '']);
  });

  test('of a session that breaks off is all of it, without a status', () => {
    const { shown, reader } = read([`\u001e${NONCE}\nbefore\u001e${NONCE}`]);
    expect([shown, reader.begun, reader.status]).toEqual([['before', `\u001e${NONCE}`], true, undefined]);
  });

  test("of another's nonce is output", () => {
    const { shown, reader } = read([`\u001e${NONCE}\n\u001eother 0\n`]);
    expect([shown.join(''), reader.status]).toEqual(['\u001eother 0\n', undefined]);
  });

  test('of a session that never began is its talk', () => {
    const { shown, reader } = read(['no such target\r\n']);
    expect([shown.join(''), reader.begun, reader.talk]).toEqual(['', false, 'no such target\r\n']);
  });
});
