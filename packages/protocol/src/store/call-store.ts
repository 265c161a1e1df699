/**
 * Where the calls of one pool are kept, and the steps by which they move. Each step is atomic; each may be sent twice and does
 * what it does once.
 */
import type { PickUp } from '../pick-up.ts';
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
}

export interface Settled {
  /** 'superseded': another attempt is newer, or this verdict had been carried out before. An error says why it could not be. */
  readonly status: 'done' | 'superseded' | Error;
  /** What comes next for the same slot. */
  readonly next: TakenCall | undefined;
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
}
