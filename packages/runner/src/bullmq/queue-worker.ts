/**
 * BullMQ's own Worker on a runner: what comes next of a scheduler, parents, limiters and what is removed hang on its scripts. Paused, it may
 * still pick up a job; so each time that the runner stops fetching its Worker is closed, and a new one fetches when it goes on.
 */
import type { QueueNames, RedisClient } from '@flamejs/protocol';
import { type BackoffStrategy, Worker } from 'bullmq';
import type { JobProcessor } from './job-processor.ts';

export interface QueueWorkerOptions {
  readonly queue: QueueNames;
  /** Without scripts of ours. Stays the owner's. */
  readonly client: RedisClient;
  /** By which BullMQ's lists of workers show it. */
  readonly name: string;
  /** As the application gave them. */
  readonly options: { readonly lockDuration?: number };
  /** The application's own backoff. */
  readonly backoff: BackoffStrategy | undefined;
  readonly process: JobProcessor;
  /** Locks that could not be renewed: somebody else may have these jobs. */
  readonly onLost: (jobIds: readonly string[]) => void;
  readonly onError: (error: Error) => void;
}

export interface QueueWorker {
  start(): void;
  hold(): void;
  release(): void;
  readonly isHeld: boolean;
  /** From here on so many jobs at once, if that is more than before; begins at one. */
  widen(width: number): void;
  /** Resolves when nothing is in hand and nothing on its way; at once when it never started. */
  whenStill(): Promise<void>;
  rateLimit(ms: number): Promise<void>;
}

/** Long enough for a Redis that fails over: unlike a call, a job that was taken for lost is not taken back. */
const LOCK_MS = 10_000;
const STALLED_MS = 5_000;
/** As many runners as a call may lose. */
const LOSSES = 10;

export const createQueueWorker = (setup: QueueWorkerOptions): QueueWorker => {
  const { lockDuration = LOCK_MS } = setup.options;
  let width = 1;
  let started = false;
  let held = false;
  let worker: Worker | undefined;
  /** Those that are on their way out; each resolves when its jobs have ended. */
  const closing = new Set<Promise<void>>();

  const open = (): void => {
    const opened = new Worker(setup.queue.queue, setup.process, {
      stalledInterval: STALLED_MS,
      maxStalledCount: LOSSES,
      ...setup.options,
      lockDuration,
      lockRenewTime: lockDuration / 4,
      connection: setup.client as never,
      prefix: setup.queue.prefix,
      name: setup.name,
      concurrency: width,
      ...(setup.backoff !== undefined && { settings: { backoffStrategy: setup.backoff } }),
    });
    opened.on('error', setup.onError);
    opened.on('lockRenewalFailed', setup.onLost);
    worker = opened;
  };

  return {
    start() {
      started = true;
      if (!held) open();
    },
    hold() {
      held = true;
      if (worker === undefined) return;
      const ends = worker.close().catch(setup.onError);
      worker = undefined;
      closing.add(ends);
      void ends.then(() => closing.delete(ends));
    },
    release() {
      if (!held) return;
      held = false;
      if (started) open();
    },
    get isHeld() {
      return held;
    },
    widen(to) {
      width = Math.max(width, to);
      if (worker !== undefined) worker.concurrency = width;
    },
    async whenStill() {
      await Promise.all(closing);
    },
    async rateLimit(ms) {
      await worker?.rateLimit(ms);
    },
  };
};
