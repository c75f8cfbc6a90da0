/**
 * Finds a command's own output and exit status in what a session shows. Session Manager reports no exit status: the
 * machine begins the command's output with a record separator, a nonce and a line's end, and ends it with a record
 * separator, the nonce, a blank, the status and a line's end. What comes before and after is the plugin's own talk.
 */
export class OutputReader {
  /** How the command ended, once it has. */
  status: number | undefined;
  begun = false;
  /** What the plugin said. */
  talk = '';
  private waiting = '';
  private readonly begin: RegExp;
  private readonly end: RegExp;

  constructor(nonce: string) {
    this.begin = new RegExp(`${SEPARATOR}${nonce}\r?\n`);
    this.end = new RegExp(`${SEPARATOR}${nonce} (\\d+)\r?\n`);
  }

  /** Takes what has come; @returns what of it is to be shown, also a line that is not complete yet. */
  push(text: string): string {
    this.waiting += text;
    if (!this.begun) {
      const found = this.begin.exec(this.waiting);
      if (!found) return '';
      this.begun = true;
      this.talk += this.waiting.slice(0, found.index);
      this.waiting = this.waiting.slice(found.index + found[0].length);
    }
    if (this.status !== undefined) return '';
    const found = this.end.exec(this.waiting);
    if (found) {
      this.status = Number(found[1]);
      const shown = this.waiting.slice(0, found.index);
      this.waiting = this.waiting.slice(found.index + found[0].length);
      return toLines(shown);
    }
    const kept = this.mayBeRecord();
    const shown = this.waiting.slice(0, kept);
    this.waiting = this.waiting.slice(kept);
    return toLines(shown);
  }

  /** Nothing more comes; @returns what is still to be shown. */
  finish(): string {
    const rest = this.waiting;
    this.waiting = '';
    if (this.begun && this.status === undefined) return toLines(rest);
    this.talk += rest;
    return '';
  }

  /** Where in what waits a record, or a line's end, may begin that is not there in full yet. */
  private mayBeRecord(): number {
    const separator = this.waiting.lastIndexOf(SEPARATOR);
    if (separator >= 0 && !this.waiting.includes('\n', separator)) return separator;
    return this.waiting.endsWith('\r') ? this.waiting.length - 1 : this.waiting.length;
  }
}

const SEPARATOR = '\u001e';

/** The machine's terminal ends lines with a carriage return too. */
const toLines = (text: string) => text.replaceAll('\r\n', '\n');
