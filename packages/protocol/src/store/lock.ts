/** How long a runner's lock on a call holds; milliseconds. */
export const LOCK_MS = 5_000;
