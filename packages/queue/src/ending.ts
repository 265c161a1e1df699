/**
 * Taking down what was put up: in the opposite order, each step by itself, so that one that fails or hangs keeps no other
 * from its turn, and all of them together end in time.
 */

export interface Ending {
  /** @param what what it would leave undone, for the sentence that says so: `the lease was not given back` */
  add(what: string, work: () => unknown): void;
  /**
   * Runs every step once, the newest first; a second call has nothing left to do. Never throws.
   * @param withinMs for all steps together; each is given a moment even when the time is over
   * @returns what could not be done, each with why
   */
  run(withinMs: number): Promise<readonly string[]>;
}

/** For a step whose turn comes when the time is over: what needs nobody's answer still gets done. */
const MOMENT_MS = 50;

/** @returns an empty ending; whoever puts something up adds how to take it down */
export const createEnding = (): Ending => {
  const steps: { readonly what: string; readonly work: () => unknown }[] = [];
  return {
    add: (what, work) => void steps.push({ what, work }),
    async run(withinMs) {
      const until = performance.now() + withinMs;
      const undone: string[] = [];
      for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
        const why = await failureOf(step.work, Math.max(MOMENT_MS, until - performance.now()));
        if (why !== undefined) undone.push(`${step.what}: ${why}`);
      }
      return undone;
    },
  };
};

const failureOf = async (work: () => unknown, ms: number): Promise<string | undefined> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, ms, `it did not end within ${Math.round(ms)} ms`);
  });
  const done = (async () => {
    try {
      await work();
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  })();
  try {
    return await Promise.race([done, late]);
  } finally {
    clearTimeout(timer);
  }
};
