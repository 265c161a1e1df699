/** How calls have ended, as it is stored and told. */

import { haveNumbers, parseObject } from './stored.ts';
import type { OutcomeHead } from './verdict.ts';

export interface Outcome {
  readonly generation: number;
  readonly head: OutcomeHead;
  /** Packed value or error. */
  readonly body: Uint8Array;
  /** It is kept for us: `acknowledge` that it was read. */
  readonly awaited?: boolean;
}

export type Lookup =
  | { readonly state: 'settled'; readonly outcome: Outcome }
  /** `bounded`: it has a queueTimeout or a deadline, which whoever waits for it has to keep. */
  | { readonly state: 'pending'; readonly generation: number; readonly bounded: boolean }
  /** A large result that went a while after its only waiter had read it: `at` Redis ms, `to` a process. */
  | { readonly state: 'delivered'; readonly at: number; readonly to: string }
  /** Neither a job nor an outcome: removed, expired, or lost with Redis' data. */
  | { readonly state: 'missing' };

/** What a caller has read, or no longer wants. */
export interface Delivery {
  readonly callId: string;
  readonly generation: number;
  /** Its value has arrived. What nobody could read, or wanted, is kept like one that nobody has waited for. */
  readonly read: boolean;
}

const HEAD_NUMBERS = ['attempts', 'runnerLosses', 'startedAt', 'size'] as const;

/** @returns the head; for a text that is none, one that says so: the call has ended, and nobody knows how. Never throws. */
export const parseHead = (text: Uint8Array | string | null | undefined): OutcomeHead => {
  const fields = parseObject(text === null || text === undefined ? undefined : String(text));
  const whole =
    fields !== undefined &&
    typeof fields.ok === 'boolean' &&
    ['kind', 'message', 'runnerId'].every((name) => typeof fields[name] === 'string') &&
    haveNumbers(fields, HEAD_NUMBERS);
  return whole ? (fields as unknown as OutcomeHead) : DAMAGED_HEAD;
};

/** Stands for every head that cannot be read. */
export const DAMAGED_HEAD: OutcomeHead = {
  ok: false,
  kind: 'FlameDataLossError',
  message: 'its stored outcome is damaged: how it ended is not known',
  attempts: 0,
  runnerLosses: 0,
  runnerId: '',
  startedAt: 0,
  size: 0,
};

export type SettledWaiting = 'settled' | 'active' | 'finished' | 'missing';

export interface WaitingVerdict {
  /** 0 for whichever generation is current. */
  readonly generation: number;
  readonly head: OutcomeHead;
  readonly body: Uint8Array;
  /** Ask a call that runs to stop with this reason; without it, a running call is left alone. */
  readonly cancelReason?: string;
}
