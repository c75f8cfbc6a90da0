import { findDeployment, type Deployment, type Named } from './deployment';
import { UsageError } from './errors';
import { prompt } from './terminal/prompt';
import type { World } from './world';

/** Options that every command has. */
export interface Common extends Named {
  readonly json?: boolean;
}

/** One run of a command: what it was given, and where what it says goes. */
export class Context<Options extends object = object> {
  private found: Promise<Deployment> | undefined;

  constructor(
    readonly world: World,
    readonly options: Options & Common,
    readonly args: readonly string[],
  ) {}

  deployment(): Promise<Deployment> {
    this.found ??= findDeployment(this.options, this.world);
    return this.found;
  }

  /** Data: as text for people, or as one JSON value with --json. */
  show(text: string, value: unknown): void {
    this.world.out(this.options.json ? `${JSON.stringify(value, undefined, 2)}\n` : text);
  }

  /** A line about the work, for people; never among the data. */
  say(line: string): void {
    this.world.say(line);
  }

  /** Whether yes was said beforehand: by --yes, or by YES in make's environment. */
  get yes(): boolean {
    const { yes } = this.options as { yes?: boolean };
    return yes ?? Boolean(this.world.env.YES);
  }

  /**
   * Asks the person to say yes.
   * @throws UsageError where nobody can be asked
   */
  async confirm(question: string): Promise<boolean> {
    if (this.yes) return true;
    if (!this.world.terminal) throw new UsageError([`${question} Without a terminal say so with --yes`]);
    return /^y(es)?$/i.test((await prompt(this.world, `${question} [y/N]`)).trim());
  }
}
