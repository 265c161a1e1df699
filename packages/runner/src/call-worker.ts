/**
 * BullMQ's Worker as we need it: fed by our backend, with locks that are renewed elsewhere, a loop that survives errors,
 * and a pause that is a fence.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CallBackend,
  callBackendFactory,
  LOCK_MS,
  type PoolKeys,
  type RedisClient,
  STALLED_CHECK_MS,
} from '@flamejs/protocol';
import { type Job, type JobJson, Worker } from 'bullmq';

const RETRY_MS = 250;
/** Seconds that an idle worker waits for a call before it looks by itself. */
const DRAIN_DELAY_S = 5;
/** Finished jobs that stay for the dashboard; outcomes have keys and times of their own. */
const KEEP_COMPLETED = 1_000;
/** Never reached: losses are counted by our own protocol. */
const MAX_STALLED = 1_000_000;

export interface CallWorkerOptions {
  readonly pool: string;
  readonly keys: PoolKeys;
  readonly runnerId: string;
  /** Most calls at once. */
  readonly slots: number;
  readonly client: RedisClient;
  /** A connection of its own: an idle worker blocks on it. */
  readonly blocking: RedisClient;
  /** Must end every call by a verdict; what it throws is one of BullMQ's errors that say what was done. */
  process(job: Job, token: string): Promise<null>;
  onError(error: Error): void;
}

/** Why nothing is fetched: it drains, has had its only call, or lets a suspected call run alone. */
export type HoldReason = 'drain' | 'single-use' | 'solo';

export interface CallWorker {
  readonly backend: CallBackend;
  start(): void;
  /** From here on nothing is fetched. What had been asked for before may still arrive, and is processed. */
  hold(reason: HoldReason): void;
  /** Fetches again when nobody else holds it. */
  release(reason: HoldReason): void;
  isHeld(reason: HoldReason): boolean;
  /** From here on so many calls at once are fetched, if that is more than before; begins at one. */
  widen(width: number): void;
  /** Ends an idle worker's wait: there may be a call that nobody announces to it. */
  lookNow(): void;
  /** Resolves when the paused worker has nothing in hand and nothing on its way; at once when it never started. */
  whenStill(): Promise<void>;
  /** Lets go of the connections, without waiting for anything. */
  close(): Promise<void>;
}

export const createCallWorker = (options: CallWorkerOptions): CallWorker => {
  const worker = new FencedWorker(options);
  worker.on('error', options.onError);
  const backend = worker.getBackend() as unknown as CallBackend;
  const holds = new Set<HoldReason>();
  return {
    backend,
    start: () => void worker.run(),
    hold(reason) {
      holds.add(reason);
      void worker.pause(true);
      backend.interruptWait();
    },
    release(reason) {
      if (holds.delete(reason) && holds.size === 0) void worker.resume();
    },
    isHeld: (reason) => holds.has(reason),
    widen: (width) => worker.widen(Math.min(width, options.slots)),
    lookNow: () => {
      if (holds.size === 0) backend.interruptWait();
    },
    whenStill: () => worker.loop,
    close: () => worker.close(true),
  };
};

class FencedWorker extends Worker {
  /** The run that is under way. */
  loop: Promise<void> = Promise.resolve();
  #looping = false;

  constructor({ pool, keys, runnerId, client, blocking, process }: CallWorkerOptions) {
    super(
      pool,
      (job: Job, token?: string) => process(job, token ?? ''),
      {
        connection: client as never,
        prefix: keys.base,
        name: runnerId,
        concurrency: 1,
        autorun: false,
        lockDuration: LOCK_MS,
        // Our own keeper renews them, by the fence and on monotonic time.
        skipLockRenewal: true,
        stalledInterval: STALLED_CHECK_MS,
        maxStalledCount: MAX_STALLED,
        runRetryDelay: RETRY_MS,
        drainDelay: DRAIN_DELAY_S,
        removeOnComplete: { count: KEEP_COMPLETED },
      },
      callBackendFactory({ client, blocking }) as never,
    );
  }

  /** A loop that waits for a call to end must see that it may fetch another one: what it waits for next is nothing. */
  widen(width: number): void {
    if (width <= this.concurrency) return;
    this.concurrency = width;
    const { mainLoopQueue } = this as unknown as {
      readonly mainLoopQueue: { add(nothing: Promise<void>): void } | null;
    };
    mainLoopQueue?.add(Promise.resolve());
  }

  /** A resume that comes while the loop winds down must not find it gone: it goes on. */
  override run(): Promise<void> {
    if (!this.#looping) this.loop = this.#runOn();
    return this.loop;
  }

  async #runOn(): Promise<void> {
    this.#looping = true;
    while (!this.closing && !this.paused) {
      try {
        await super.run();
      } catch (error) {
        this.emit('error', error as Error);
        await sleep(RETRY_MS);
      }
    }
    this.#looping = false;
  }

  /** A job whose data is no JSON would stay in `active` for ever, taken back and tried again. It ends as unreadable. */
  protected override createJob(data: JobJson, jobId: string): Job {
    try {
      return super.createJob(data, jobId);
    } catch {
      return super.createJob({ ...data, data: 'null' }, jobId);
    }
  }

  /** A plain worker whose wait ends while it is paused would take one call more. */
  protected override async moveToActive(token: string, name?: string): Promise<Job> {
    if (this.paused || this.closing) return undefined as unknown as Job;
    return super.moveToActive(token, name);
  }
}
