/** What this process remembers of client tokens that are not done: requests that may have launched something, and refusals. */
import type { RunInstancesCommandInput } from '@aws-sdk/client-ec2';
import type { Offering } from './offerings.ts';

/** A token whose last request may have launched something: only this very request may be sent again under it. */
export interface Doubt {
  readonly input: RunInstancesCommandInput;
  readonly offering: Offering;
  /** Monotonic; when a request whose answer got lost was last sent. */
  readonly sentAt: number;
  /** When EC2 first said that the token belongs to other parameters than these. */
  readonly mismatchAt: number | undefined;
}

export interface Doubts {
  get(token: string): Doubt | undefined;
  set(token: string, doubt: Doubt): void;
  /** EC2 has refused this token for want of capacity, so it has launched nothing so far. */
  refuse(token: string): void;
  refused(token: string): boolean;
  /** The outcome is known. */
  settle(token: string): void;
}

/** Forgetting the oldest is safe: its replay is answered with the machine, or as a mismatch. */
const MOST = 10_000;

export const createDoubts = (): Doubts => {
  const doubts = new Map<string, Doubt>();
  const refusals = new Map<string, true>();
  return {
    get: (token) => doubts.get(token),
    set: (token, doubt) => {
      doubts.set(token, doubt);
      trim(doubts);
    },
    refuse: (token) => {
      doubts.delete(token);
      refusals.set(token, true);
      trim(refusals);
    },
    refused: (token) => refusals.has(token),
    settle: (token) => {
      doubts.delete(token);
      refusals.delete(token);
    },
  };
};

const trim = (map: Map<string, unknown>): void => {
  const [oldest] = map.keys();
  if (map.size > MOST && oldest !== undefined) map.delete(oldest);
};
