/** Exit statuses of the tool's own; a command that runs on the machine ends with that command's. */
export const EXIT = { done: 0, failed: 1, usage: 2, nothingThere: 3, interrupted: 130 } as const;

/** The command line is wrong: one line per fault. */
export class UsageError extends Error {
  constructor(readonly faults: string[]) {
    super(faults.join('\n'));
  }
}

/** The work cannot be done: each line is ready to be shown. */
export class Failure extends Error {
  /** @param status - what the program ends with */
  constructor(
    readonly lines: string[],
    readonly status: number = EXIT.failed,
  ) {
    super(lines.join('\n'));
  }
}
