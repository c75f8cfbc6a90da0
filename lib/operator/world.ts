import type { Readable } from 'node:stream';

/** Everything outside of the program that its commands touch, apart from AWS, files that they are told of, and programs. */
export interface World {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The project's directory, which holds cdk.json. */
  readonly root: string;
  /** Region of the AWS profile in use, if it names one. */
  readonly profileRegion: () => Promise<string | undefined>;
  readonly now: () => Date;
  /** @param signal - ends it early, without an error */
  readonly sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  /** Takes data, as it is. */
  readonly out: (text: string) => void;
  /** Takes a line for people. */
  readonly say: (line: string) => void;
  readonly input: Readable & { readonly isTTY?: boolean };
  /** Whether a person sits at both ends: input and output are a terminal. */
  readonly terminal: boolean;
  /** Calls the listener when the person wants an end (Control-C). @returns a function that takes the listener away */
  readonly onInterrupt: (listener: () => void) => () => void;
  /** Whether nobody listens on this port of localhost. */
  readonly isFree: (port: number) => Promise<boolean>;
  /** Shows an address in the person's browser. */
  readonly browse: (url: string) => void;
}
