import type { CallContext } from '../../src/context.ts';

/** A context as an executor would make it, with what it reported in `progressed` and `logged`. */
export const testContext = (
  over: Partial<CallContext> = {},
): CallContext & { readonly progressed: unknown[]; readonly logged: unknown[][] } => {
  const progressed: unknown[] = [];
  const logged: unknown[][] = [];
  return {
    callId: 'images.test',
    functionName: 'test',
    pool: 'images',
    attempt: 1,
    runnerLosses: 0,
    resumeFrom: 0,
    deadline: undefined,
    signal: new AbortController().signal,
    draining: new AbortController().signal,
    isInline: true,
    progress: (value) => progressed.push(value),
    ready: () => undefined,
    log: (...values) => logged.push([...values]),
    ...over,
    progressed,
    logged,
  };
};
