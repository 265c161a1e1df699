/** The functions that `flame.worker` registers where processors run; runners call them by these names. */

/** `(job: string, token: string) => Processed`: processes a job, given as BullMQ's JSON. */
export const processorName = (pool: string): string => `bullmq:${pool}`;
/** `() => AboutWorker`: what the runner has to know before it begins. */
export const aboutName = (pool: string): string => `bullmq:${pool}:about`;
/** `(attemptsMade, type, error, job: string) => number`: the worker's own backoff. */
export const backoffName = (pool: string): string => `bullmq:${pool}:backoff`;
