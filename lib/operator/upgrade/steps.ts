import type { World } from '../world';
import { table } from '../terminal/text';

export interface Step {
  readonly step: string;
  readonly result: string;
  readonly seconds: number;
}

/** What was done, step by step. */
export class Steps {
  readonly done: Step[] = [];

  constructor(private readonly world: World) {}

  /** Does one; its result, as words, is a row. */
  async take<T>(step: string, work: () => Promise<T>, words: (result: T) => string): Promise<T> {
    const begun = this.world.now().getTime();
    const result = await work();
    const seconds = Math.round((this.world.now().getTime() - begun) / 1000);
    this.done.push({ step, result: words(result), seconds });
    return result;
  }

  get text(): string {
    const rows = this.done.map(({ step, result, seconds }) => [step, String(seconds), result]);
    return table([['STEP', 'SECONDS', 'RESULT'], ...rows]);
  }
}
