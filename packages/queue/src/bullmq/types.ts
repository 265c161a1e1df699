/**
 * What an application on BullMQ sees of `flame.worker`. No type of BullMQ's own is named: an application has its own version of it,
 * whose classes are not assignable to those of another.
 */
import type { JobMethods } from './job-methods.ts';

/** `removeOnComplete` and `removeOnFail`, as BullMQ takes them. */
export type KeepJobs = boolean | number | { readonly age?: number; readonly count?: number; readonly limit?: number };

/** What a processor is given: the job's data and options, and the methods that the runner passes on. */
export interface WorkerJob<Data = unknown, Result = unknown, Name extends string = string> extends JobMethods<Data> {
  readonly id: string;
  readonly name: Name;
  data: Data;
  readonly opts: Readonly<Record<string, unknown>>;
  progress: unknown;
  readonly attemptsMade: number;
  readonly attemptsStarted: number;
  readonly stalledCounter: number;
  /** Epoch milliseconds at which it was added. */
  readonly timestamp: number;
  readonly processedOn?: number;
  readonly delay: number;
  readonly priority: number;
  readonly failedReason?: string;
  readonly stacktrace: readonly string[];
  readonly returnvalue: Result | undefined;
  readonly parent?: { readonly id: string; readonly queueKey: string };
  readonly parentKey?: string;
  readonly repeatJobKey?: string;
  readonly deduplicationId?: string;
  readonly token?: string;
  readonly queueName: string;
  readonly queueQualifiedName: string;
  readonly prefix: string;
}

/**
 * A processor as BullMQ takes it. @typeParam J the job: inferred from a processor that says what it takes, so that one that names
 * BullMQ's own `Job` stays as it is
 */
export type WorkerProcessor<J, Result> = (job: J, token: string, signal: AbortSignal) => Promise<Result> | Result;

/** Options of a worker that stay in code. The others stand in flame.config: see `flame.worker`. */
export interface WorkerOptions {
  /** The prefix of the queue's keys, where two pools serve queues of one name. */
  readonly prefix?: string;
  /** At most `max` jobs begin in `duration` milliseconds, whoever works on the queue with this limiter. */
  readonly limiter?: { readonly max: number; readonly duration: number };
  readonly removeOnComplete?: KeepJobs;
  readonly removeOnFail?: KeepJobs;
  /** Milliseconds that a job stays locked when its runner is gone; 10,000 unless given. */
  readonly lockDuration?: number;
  /** Milliseconds between two looks for jobs whose lock has run out; 5,000 unless given. */
  readonly stalledInterval?: number;
  /** Runners or workers that a job may lose before it fails; 10 unless given. */
  readonly maxStalledCount?: number;
  readonly maxStartedAttempts?: number;
  readonly maximumRateLimitDelay?: number;
  readonly metrics?: { readonly maxDataPoints?: number };
  readonly settings?: {
    /** Milliseconds until the next attempt, -1 for none; for jobs whose `backoff.type` is none of BullMQ's own. */
    readonly backoffStrategy?: (
      attemptsMade: number,
      type?: string,
      error?: Error,
      // biome-ignore lint/suspicious/noExplicitAny: a strategy that names BullMQ's own Job stays as it is
      job?: any,
    ) => number | Promise<number>;
  };
}

/** The events of BullMQ's Worker, with its arguments. Jobs are BullMQ's own `Job`, of Flame's version of it. */
export interface WorkerEvents<Data, Result> {
  active: [job: ListenedJob<Data, Result>, prev: string];
  completed: [job: ListenedJob<Data, Result>, result: Result, prev: string];
  failed: [job: ListenedJob<Data, Result> | undefined, error: Error, prev: string];
  progress: [job: ListenedJob<Data, Result>, progress: unknown];
  stalled: [jobId: string, prev: string];
  drained: [];
  error: [error: Error];
  ready: [];
  closed: [];
}

/** A job as a listener gets it. Of one that `removeOnComplete` has removed by then, no more than `id` and `returnvalue` is known. */
export interface ListenedJob<Data, Result> {
  readonly id?: string;
  readonly name: string;
  readonly data: Data;
  readonly opts: Readonly<Record<string, unknown>>;
  readonly returnvalue: Result;
  readonly failedReason?: string;
  readonly attemptsMade: number;
  readonly timestamp: number;
  readonly processedOn?: number;
  readonly finishedOn?: number;
}

/** What `flame.worker` returns, in the place of BullMQ's Worker. */
export interface FlameWorker<Data, Result> {
  /** The queue's name. */
  readonly name: string;
  /** The pool whose runners do the work. */
  readonly pool: string;
  /**
   * Hears of what happens to the queue's jobs, whichever runner or worker did it. Each process that listens hears everything; the
   * processes in which processors run hear nothing, and open no connection.
   */
  on<E extends keyof WorkerEvents<Data, Result>>(
    event: E,
    listener: (...args: WorkerEvents<Data, Result>[E]) => unknown,
  ): this;
  once<E extends keyof WorkerEvents<Data, Result>>(
    event: E,
    listener: (...args: WorkerEvents<Data, Result>[E]) => unknown,
  ): this;
  off<E extends keyof WorkerEvents<Data, Result>>(
    event: E,
    listener: (...args: WorkerEvents<Data, Result>[E]) => unknown,
  ): this;
  /** Resolves when events are heard from here on; at once where nothing is. @throws FlameUnavailableError when Redis cannot be reached within `connectTimeout` */
  waitUntilReady(): Promise<void>;
  /** The queue begins no job for so many milliseconds. In a processor, followed by `throw Worker.RateLimitError()`, as with BullMQ. */
  rateLimit(expireTimeMs: number): Promise<void>;
  /** Ends listening. Runners go on: they are the autoscaler's. */
  close(): Promise<void>;
}

/**
 * Makes the pool of flame.config that serves a queue of BullMQ (`bullmq` of the pool) process its jobs with this processor, on runners:
 * `flame.worker`. The module that does so must be one that runners load (`functions`).
 *
 * `queue` is the queue's name, `processor` a function, or the path or URL of a file that exports one.
 *
 * @throws FlameConfigError when no pool serves the queue, when it has a worker already, and for an option that is not taken:
 * `connection` and `concurrency` among them, for which flame.config has `redis` and the pool's `maxConcurrency`
 */
// biome-ignore lint/suspicious/noExplicitAny: the types of `new Worker(queue, processor)`, which an untyped processor relies on
export type DefineWorker = <Data = any, Result = any, Name extends string = string, J = WorkerJob<Data, Result, Name>>(
  queue: string,
  processor: string | URL | WorkerProcessor<J, Result>,
  options?: WorkerOptions,
) => FlameWorker<Data, Result>;
