/** What the test files of one of jest's workers share; all else each of them has for itself. */
declare const worker: {
  /** The address of the local AWS (moto), which is started when the first asks for it. */
  readonly localAws: () => Promise<string>;
  /** Synthesized templates as JSON, by their settings. */
  readonly templates: Map<string, string>;
};
