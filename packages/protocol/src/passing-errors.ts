/** Errors of Redis that pass by themselves: it loads, is full, fails over, or its cluster is being mended. */
import { setTimeout as sleep } from 'node:timers/promises';

const PASSING =
  /^(LOADING|OOM|BUSY|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MISCONF|NOREPLICAS|UNBLOCKED)\b|ECONN|ETIMEDOUT|EPIPE|slots cache|Too many Cluster|startup nodes/;

export const isPassing = (error: unknown): boolean => error instanceof Error && PASSING.test(error.message);

/** 100 ms, doubling up to 2 s. */
export const pauseBefore = async (attempt: number): Promise<void> => {
  await sleep(Math.min(50 * 2 ** attempt, 2_000));
};
