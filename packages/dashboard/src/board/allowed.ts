/**
 * What Bull Board may do to a pool. It was made for plain queues: adding jobs, editing their data, emptying or obliterating a
 * queue would go past our protocol, and callers would wait for calls that nobody answers.
 */

const ALLOWED: readonly (readonly [method: string, path: RegExp])[] = [
  ['PUT', /^\/api\/queues\/(pause|resume)$/],
  ['PUT', /^\/api\/queues\/[^/]+\/(pause|resume|promote)$/],
  ['PUT', /^\/api\/queues\/[^/]+\/retry\/failed$/],
  // Outcomes have keys of their own: callers still get theirs after the job has left the list.
  ['PUT', /^\/api\/queues\/[^/]+\/clean\/(completed|failed)$/],
  ['PUT', /^\/api\/queues\/[^/]+\/[^/]+\/(retry|promote|clean)$/],
];

/** @param path below Bull Board's mount @returns whether this change goes through our protocol */
export const isAllowed = (method: string, path: string): boolean =>
  ALLOWED.some(([m, pattern]) => m === method && pattern.test(path));

export const REFUSAL =
  'Flame does not let Bull Board do this: it would go past the protocol by which callers learn of their calls. ' +
  'Retry, cancel and pause on the pages of Flame or with the `flame` command.';

/** Bull Board accepts up to 1,000. */
export const MOST_JOBS_PER_PAGE = 100;
