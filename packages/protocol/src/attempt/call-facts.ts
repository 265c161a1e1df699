/** What a runner knows about one attempt of a call before it runs it. */
import type { Envelope } from '../envelope.ts';
import type { PickUp } from '../pick-up.ts';

export interface CallFacts {
  readonly callId: string;
  readonly pool: string;
  /** BullMQ's count of pick-ups: with the generation it is the fence. */
  readonly ats: number;
  /** The attempt that the function sees, counted from 1 in this generation. */
  readonly attempt: number;
  /** Attempts that failed by the function's own doing; what `retries` limits. */
  readonly attemptsMade: number;
  readonly pickUp: PickUp;
  readonly envelope: Envelope;
}
