/**
 * Everything the loop keeps outside its own memory, as atomic operations. One implementation stands on Redis and one on
 * plain maps; both pass the same contract test, so the model tests run the real loop.
 */
import type { PoolEvent, RunnerRecord, StandingOrder } from '@flamejs/protocol';
import type { QueueBounds } from '../plan/queue-cap.ts';
import type { ReleaseSight } from '../plan/release.ts';
import type { IntentRecord } from '../record/intent.ts';
import type { Resolution, SampleFields } from '../thinning.ts';

/** A newer leader has taken over: stop acting. */
export type Fenced = 'fenced';

export interface Lease {
  /** Raised by every election; every write carries it and is refused once a higher one exists. */
  readonly epoch: number;
  /** Redis ms. */
  readonly now: number;
}

export interface PoolSnapshot {
  /** Redis ms. */
  readonly now: number;
  readonly paused: boolean;
  readonly waiting: number;
  readonly prioritized: number;
  readonly active: number;
  /** Delayed calls due within the time that was asked for. */
  readonly dueSoon: number;
  /** Redis ms since which the oldest waiting call waits. */
  readonly oldestWaitAt: number | null;
  /** Every registered runner, and of the runners asked for also those that have left. */
  readonly agents: readonly RunnerRecord[];
  /** Live overrides as they stand. */
  readonly settings: Readonly<Record<string, string>>;
  /** What operators want of single runners and is not done yet. */
  readonly orders: readonly StandingOrder[];
  /** The releases whose calls this pool has met, and how many calls of each wait for a runner of it. */
  readonly releases: readonly ReleaseSight[];
  /** Of a pool that serves a queue of BullMQ: what bounds its jobs, whatever waits. */
  readonly bounds?: QueueBounds;
}

export interface Caps {
  /** Most records of the pool, those being reserved included. */
  readonly max: number;
  /** Most records of the app. */
  readonly quota: number;
}

export interface IntentChanges {
  readonly save?: readonly IntentRecord[];
  readonly remove?: readonly string[];
}

export type NewEvent = Pick<PoolEvent, 'type' | 'reason'> & Partial<Pick<PoolEvent, 'runnerId' | 'details'>>;

/** What the leader has counted of a pool since the store last took it. The same number twice is counted once. */
export interface FleetBatch {
  readonly seq: number;
  readonly counts: Readonly<Record<string, number>>;
  /** Entries of machines, as JSON by runner id; `null` takes one away. */
  readonly machines: Readonly<Record<string, string | null>>;
}

export interface Store {
  /**
   * Takes the lease if nobody holds it, if `holder` itself does, or if its value is the one `stuck`.
   * @returns the value that holds it when it is taken
   */
  acquire(holder: string, ttlMs: number, stuck: string | null): Promise<Lease | string>;
  /** @param count of this renewal: a value that changes shows the others that the holder lives */
  renew(holder: string, epoch: number, ttlMs: number, count: number): Promise<boolean>;
  release(holder: string, epoch: number): Promise<void>;

  intents(): Promise<readonly IntentRecord[]>;
  /** Writes new records of one pool as far as the caps allow, in order. @returns the ids that were written */
  reserve(epoch: number, records: readonly IntentRecord[], caps: Caps): Promise<readonly string[] | Fenced>;
  commit(epoch: number, changes: IntentChanges): Promise<'ok' | Fenced>;

  /** Makes this epoch the pool's, before anything is written there. */
  raise(pool: string, epoch: number): Promise<'ok' | Fenced>;
  observe(pool: string, runnerIds: readonly string[], dueWithinMs: number): Promise<PoolSnapshot>;
  /** Writes the order into the runner's record and announces it. */
  orderDrain(
    pool: string,
    epoch: number,
    order: { readonly runnerId: string; readonly generation: number; readonly reason: string },
  ): Promise<'ordered' | 'missing' | Fenced>;
  /** Takes the order back unless the runner has acknowledged it. */
  reactivate(
    pool: string,
    epoch: number,
    runnerId: string,
  ): Promise<'reactivated' | 'acknowledged' | 'missing' | Fenced>;
  /** Of a runner that a platform keeps: orders a drain that may be taken back at any time. Not of one that drains already. */
  park(pool: string, epoch: number, runnerId: string, reason: string): Promise<'ordered' | 'missing' | Fenced>;
  /** Takes that back, acknowledged or not; an operator's drain and the runner's own stay. */
  unpark(pool: string, epoch: number, runnerId: string): Promise<'ordered' | 'missing' | Fenced>;
  /** Takes an order away that has been carried out, unless a later one has taken its place. */
  fulfil(
    pool: string,
    epoch: number,
    order: { readonly runnerId: string; readonly text: string },
  ): Promise<'ok' | Fenced>;
  /** How many active calls of this runner still have a lock. */
  heldLocks(pool: string, runnerId: string): Promise<number>;
  /** Takes a runner that is gone out of the index; its record stays for a while, marked as ended. */
  forget(pool: string, epoch: number, runnerId: string, reason: string): Promise<'ok' | Fenced>;
  /** Appends to the capped streams of events and samples. */
  record(
    pool: string,
    epoch: number,
    entries: { readonly events?: readonly NewEvent[]; readonly sample?: Readonly<Record<string, string | number>> },
  ): Promise<'ok' | Fenced>;
  /** Appends to the history that lasts, with what has been counted of calls up to now. */
  thin(pool: string, epoch: number, resolution: Resolution, sample: SampleFields): Promise<'ok' | Fenced>;
  /** Adds to what is counted of the pool's machines. */
  count(pool: string, epoch: number, batch: FleetBatch): Promise<'ok' | Fenced>;
  /** Entries of the machines that cost something, by runner id. */
  machines(pool: string): Promise<Readonly<Record<string, string>>>;
  /** The leader's heartbeat, which runners watch, and what it says of its pools. */
  beat(epoch: number, statuses: Readonly<Record<string, string>>): Promise<'ok' | Fenced>;
  statuses(): Promise<Readonly<Record<string, string>>>;
  /** What is remembered of what is wrong, as JSON by pool and name. */
  alerts(): Promise<Readonly<Record<string, string>>>;
  saveAlerts(epoch: number, save: Readonly<Record<string, string>>, remove: readonly string[]): Promise<'ok' | Fenced>;
}
