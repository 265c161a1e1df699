/**
 * Where the calls of one pool are kept, and the steps by which they move. Each step is atomic; each may be sent twice and does
 * what it does once.
 */
import type { CallInspection } from '../inspection.ts';
import type { Delivery, Lookup, SettledWaiting, WaitingVerdict } from '../outcome.ts';
import type { PickUp } from '../pick-up.ts';
import type { RetryResult } from '../retry.ts';
import type { OutcomeHead, ParkVerdict } from '../verdict.ts';

/** A call as its maker hands it over. Durations and times in milliseconds. */
export interface AcceptedCall {
  readonly id: string;
  readonly name: string;
  /** The envelope as JSON text. */
  readonly data: string;
  readonly delayMs: number;
  readonly priority: number;
  readonly fingerprint: string;
  /** Whom to tell of the outcome, '' for nobody. */
  readonly waiter: string;
  readonly queueTimeoutMs: number;
  readonly deadlineInMs: number;
  readonly deadlineAt: number;
  readonly resultTtlMs: number;
  readonly failedTtlMs: number;
  readonly failOnLoss: boolean;
  readonly maxPending: number;
  /** Of the caller. */
  readonly release: string;
  /** Whose end cancels the call: a caller, or an attempt of a call (`linkToCall`); '' for none. */
  readonly link: string;
  /** The call of a function that awaits it, '' for none. */
  readonly awaitedBy: string;
  /** Its limits (`describeLimits`), '' for none. */
  readonly limits: string;
  /** Packed arguments that are too large for the job hash. */
  readonly largeArgs: Uint8Array | undefined;
}

/** Whether a call stands in the store now, or why not: its id means another call, or too many wait. */
export type Acceptance = 'accepted' | 'id-conflict' | 'queue-full';

/** Who picks calls up. */
export interface Taker {
  readonly runnerId: string;
  readonly release: string;
}

export interface TakenCall {
  readonly callId: string;
  /** Pick-ups of it, this one included. */
  readonly attempt: number;
  /** The envelope as JSON text, as it stands in Redis. */
  readonly data: string;
  /** Attempts that have ended at the cost of `retries`. */
  readonly attemptsMade: number;
  /** `undefined` for a job that is no call of ours. */
  readonly pickUp: PickUp | undefined;
}

/** Slots that a runner wants calls for. */
export interface Slots {
  /** How many take a call now or not at all. */
  readonly plain: number;
  /** Numbers of slots that are to be offered when there is no call for them … */
  readonly offer: readonly string[];
  /** … and of those that are on offer already. */
  readonly offered: readonly string[];
}

export interface Taken {
  /** Until the next delayed call is due; `undefined` when there is none. */
  readonly dueInMs: number | undefined;
  readonly calls: readonly TakenCall[];
  /** Numbers of slots that got one of them, and are not on offer. */
  readonly filled: readonly string[];
  /** Numbers that were on offer and no longer are: somebody hands a call over to them. */
  readonly gone: readonly string[];
}

/** What becomes of a slot whose call has ended: nothing, it takes the next call, or it is offered under a number when there is none. */
export type Refill = boolean | string;

/** What an attempt has come to. */
export interface Verdict {
  readonly callId: string;
  /** The fence: this pick-up of this generation, and no other. `generation` is '' for a job that is no call. */
  readonly attempt: number;
  readonly generation: number | '';
  readonly kind: /** It has ended, with `outcome`. */
    | 'settle'
    /** It had its outcome before it was picked up. */
    | 'finish'
    /** It is no call of ours: it fails without an outcome. */
    | 'reject'
    /** Back to the head of the queue, free of `retries`. */
    | 'again'
    /** Another attempt at the cost of `retries`, behind all that wait. */
    | 'retry'
    /** Waits for a runner of another release. */
    | 'park';
  readonly outcome?: { readonly head: OutcomeHead; readonly body: Uint8Array };
  /** For people, in the job. */
  readonly reason: string;
  readonly delayMs?: number;
  /** A budget to charge. */
  readonly count?: 'f:kill' | 'f:late';
  /** It goes back before anything of the call has begun: no attempt. */
  readonly unbegun?: true;
  /** How the attempt ended that goes back, for the call's history. */
  readonly ended?: string;
  readonly park?: ParkVerdict;
  /** With an outcome: the last batch of what it yielded (`packTail`). */
  readonly tail?: Uint8Array;
}

export interface Settled {
  /** 'superseded': another attempt is newer, or this verdict had been carried out before. An error says why it could not be. */
  readonly status: 'done' | 'superseded' | Error;
  /** What comes next for the same slot. */
  readonly next: TakenCall | undefined;
}

/** A pick-up, as its runner holds it. */
export interface PickUpId {
  readonly callId: string;
  readonly attempt: number;
}

export interface Lease extends PickUpId {
  readonly generation: number;
}

export interface Renewal {
  /** Calls that are somebody else's by now. */
  readonly lost: readonly string[];
  /** Calls that are to be stopped. */
  readonly cancelled: readonly { readonly callId: string; readonly reason: string }[];
}

/** A call that was taken back from a runner that is gone. It waits at the head of the queue. */
export interface TakenBack {
  readonly callId: string;
  /** It must not run again. */
  readonly failOnLoss: boolean;
}

export interface CallStore {
  /** Calls of one maker. @returns for each whether it was accepted, or an error of this call alone */
  accept(calls: readonly AcceptedCall[]): Promise<readonly (Acceptance | Error)[]>;

  /** Picks calls up. Slots for which there is none are offered: who accepts a call hands it over to the longest free one. */
  take(by: Taker, slots: Slots): Promise<Taken>;
  /** @param refill for each verdict */
  settle(by: Taker, verdicts: readonly Verdict[], refill: readonly Refill[]): Promise<readonly Settled[]>;
  /** Takes offers back. @returns the numbers of those for which nothing comes any more */
  withdraw(by: Taker, numbers: readonly string[]): Promise<readonly string[]>;
  /** Says that a runner still holds these, and takes those back whose locks ran out and which nobody else has begun. */
  renew(runnerId: string, leases: readonly Lease[]): Promise<Renewal>;
  /** What stands under a runner's name, whether or not it knows. */
  heldBy(runnerId: string): Promise<readonly PickUpId[]>;
  /** Pick-ups of which the runner never heard go back at nobody's cost. @returns the calls that did */
  putBack(runnerId: string, pickUps: readonly PickUpId[]): Promise<readonly string[]>;
  /** @returns why a call that runs is to be stopped; `undefined` when it is not */
  cancelReason(callId: string): Promise<string | undefined>;
  /** @param most bytes that are read. @returns the packed arguments that were too large for the call itself; empty when they are gone */
  largeArgs(callId: string, most: number): Promise<Buffer>;
  /** Keeps the newest value of a call's progress, and tells who follows it. @param ttlMs after which it is forgotten */
  reportProgress(callId: string, note: Uint8Array, ttlMs: number): Promise<void>;
  /** Keeps what a function has said of itself, with its call. Of a call that is gone nothing is kept. */
  reportReady(callId: string, note: Uint8Array): Promise<void>;

  /**
   * Looks a call up and, while it has no outcome, joins those who are told of it.
   * @param waiter whom to tell, '' to only look
   */
  lookUp(callId: string, waiter: string): Promise<Lookup>;
  /** @returns the encoded value or error of a call that has ended; `undefined` once it is forgotten */
  body(callId: string): Promise<Buffer | undefined>;
  /** @returns how a call has ended, as long as that is kept */
  head(callId: string): Promise<OutcomeHead | undefined>;
  /** Says what a waiter has read: outcomes are kept for those who wait. @param by its process, for people */
  acknowledge(waiter: string, by: string, deliveries: readonly Delivery[]): Promise<void>;
  /** Ends a call that has not begun: afterwards nothing of it runs. One that runs is asked to stop, when `cancelReason` is given. */
  end(callId: string, verdict: WaitingVerdict): Promise<SettledWaiting>;
  /** Begins a failed call anew, as a new generation with fresh budgets. */
  retry(callId: string): Promise<RetryResult>;
  /** Where a call is, and its pool. */
  inspect(callId: string): Promise<CallInspection>;
  /** @returns the newest value of its progress */
  progress(callId: string): Promise<Buffer | undefined>;
  readiness(callId: string): Promise<Buffer | undefined>;
  /** Forgets a call that does not run, and tells those who wait. Its outcome stays as long as it is to. */
  remove(callId: string): Promise<void>;

  /** Moves calls whose delay is over to those that wait. @returns how many */
  promote(): Promise<number>;
  /** Takes calls back whose locks have run out. A lock may be missed once: the next check takes it. */
  reclaim(): Promise<readonly TakenBack[]>;
  /** Takes back at once what a runner held that is known to be gone. */
  release(runnerId: string): Promise<readonly TakenBack[]>;
  /** @returns calls whose bound of waiting may be over, at most so many */
  overdue(most: number): Promise<readonly string[]>;
  /** When such a call is overdue next, by the clock that `inspect` tells; `undefined` for never again. */
  setOverdue(callId: string, at: number | undefined): Promise<void>;
}
