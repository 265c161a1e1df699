/** Waiting for a condition instead of for a time: bounded, and with a message that says what did not happen. */

/** Longer than anything takes on a machine that is ten times slower, or busy with ten other things. */
export const PATIENCE_MS = 60_000;

export interface WaitOptions {
  /** What should become true, for the message: 'the runner to register'. */
  readonly what: string;
  /** Milliseconds; a minute unless set. Generous on purpose: it is reached only when something is broken. */
  readonly timeoutMs?: number;
  /** Milliseconds between two looks; 20 unless set. */
  readonly everyMs?: number;
  /** Evaluated once the time is up and added to the message: what was found in its place. */
  readonly found?: () => unknown;
  /** An error of the condition after which waiting on makes no sense; it is thrown at once. */
  readonly giveUp?: (error: unknown) => boolean;
}

/**
 * Looks until `condition` returns something truthy. A condition that throws counts as not yet true.
 * @returns what the condition returned.
 * @throws Error that names `what`, the time, and what was found, with the condition's last error as its cause.
 */
export const waitFor = async <T>(
  condition: () => T | Promise<T>,
  { what, timeoutMs = PATIENCE_MS, everyMs = 20, found, giveUp }: WaitOptions,
): Promise<Exclude<Awaited<T>, false | null | undefined | 0 | ''>> => {
  const endsAt = performance.now() + timeoutMs;
  let last: unknown;
  let lastError: unknown;
  do {
    try {
      last = await within(condition, endsAt);
      lastError = undefined;
      if (last) return last as Exclude<Awaited<T>, false | null | undefined | 0 | ''>;
    } catch (error) {
      if (giveUp?.(error)) throw error;
      lastError = error;
    }
    await pause(everyMs);
  } while (performance.now() < endsAt);
  const seen = found === undefined ? last : await describeFound(found);
  throw new Error(
    `Waited ${timeoutMs} ms for ${what}; found ${show(seen)}${lastError ? ` (${String(lastError)})` : ''}`,
    {
      cause: lastError,
    },
  );
};

/**
 * Bounds a promise that should settle by itself.
 * @throws Error that names `what` when it has not settled in time.
 */
export const settles = async <T>(promise: Promise<T>, { what, timeoutMs = PATIENCE_MS }: WaitOptions): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not settle within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
};

// A condition that hangs (a command to a server that is down) must not make the wait unbounded.
const within = async <T>(condition: () => T | Promise<T>, endsAt: number): Promise<T> =>
  settles(Promise.resolve(condition()), {
    what: 'One look at the condition',
    timeoutMs: Math.max(1, endsAt - performance.now()),
  });

const describeFound = async (found: () => unknown): Promise<unknown> => {
  try {
    return await found();
  } catch (error) {
    return error;
  }
};

const show = (value: unknown): string => {
  if (typeof value === 'string') return JSON.stringify(value);
  if (value instanceof Error) return String(value);
  return JSON.stringify(value) ?? String(value);
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
