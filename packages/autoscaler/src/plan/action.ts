/** What a plan consists of. Every action can be repeated without harm, and each names why. */

import type { StandingOrder } from '@flamejs/protocol';
import type { Instance } from '@flamejs/queue';
import type { DrainCause, Grounds } from '../record/intent.ts';

export type Action =
  /** Reserve so many records, then launch them. */
  | { readonly kind: 'launch'; readonly count: number; readonly reason: string }
  /** Ask again, under the same token, about a launch whose outcome is not known. */
  | { readonly kind: 'replay'; readonly runnerId: string; readonly reason: string }
  /** Take a drain back, if it has not been acknowledged. */
  | { readonly kind: 'reactivate'; readonly runnerId: string; readonly reason: string }
  | {
      readonly kind: 'drain';
      readonly runnerId: string;
      readonly cause: DrainCause;
      readonly reason: string;
      /** From now; `null` for as long as its calls need. */
      readonly deadlineMs: number | null;
      /** How long it has been idle, when the pool's `unless` function is to be asked first. */
      readonly askIdleMs: number | null;
      /** The operator's order that it carries out. */
      readonly order?: string;
    }
  /** Give an order again that the runner's record does not show. */
  | { readonly kind: 'order'; readonly runnerId: string; readonly reason: string }
  | { readonly kind: 'terminate'; readonly runnerId: string; readonly grounds: Grounds; readonly reason: string }
  /** Until then (the controller's clock) nothing but force ends it; `null` takes that back. */
  | { readonly kind: 'protect'; readonly runnerId: string; readonly until: number | null; readonly reason: string }
  /** Take away an operator's order that has been carried out. */
  | { readonly kind: 'fulfil'; readonly order: StandingOrder; readonly reason: string }
  /** Write a record for an instance of ours that has none: to keep it, or to end it as an orphan. */
  | { readonly kind: 'adopt'; readonly instance: Instance; readonly as: 'runner' | 'orphan'; readonly reason: string };

export interface Plan {
  readonly actions: readonly Action[];
  /** Why nothing (more) is launched although it is wanted; `null` when nothing stands in the way. */
  readonly blocked: string | null;
}
