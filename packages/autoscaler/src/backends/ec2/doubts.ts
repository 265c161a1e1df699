/** What this process remembers of launches that are not done: a request that may have launched something, and refusals. */
import type { RunInstancesCommandInput } from '@aws-sdk/client-ec2';
import type { Offering } from './offerings.ts';

/** A launch whose last request may have made a machine: only this very request, token included, may be sent again for it. */
export interface Doubt {
  readonly input: RunInstancesCommandInput;
  readonly offering: Offering;
  /** Monotonic; when a request whose answer got lost was last sent. */
  readonly sentAt: number;
  /** When EC2 first said that the token belongs to other parameters than these. */
  readonly mismatchAt: number | undefined;
}

/** Keyed by the launch: `<runnerId>-<attempt>`. */
export interface Doubts {
  get(launch: string): Doubt | undefined;
  set(launch: string, doubt: Doubt): void;
  /** A request was refused for want of capacity or quota, so that up to now nothing was launched. */
  refuse(launch: string): void;
  /** How many were. */
  refusals(launch: string): number;
  /** Whether this process knows the launch from before. */
  knows(launch: string): boolean;
  settle(launch: string): void;
}

/** Forgetting the oldest is safe: what it launched is found by its token before anything is sent again. */
const MOST = 10_000;

export const createDoubts = (): Doubts => {
  const doubts = new Map<string, Doubt>();
  const refusals = new Map<string, number>();
  return {
    get: (launch) => doubts.get(launch),
    set: (launch, doubt) => {
      doubts.set(launch, doubt);
      trim(doubts);
    },
    refuse: (launch) => {
      doubts.delete(launch);
      refusals.set(launch, (refusals.get(launch) ?? 0) + 1);
      trim(refusals);
    },
    refusals: (launch) => refusals.get(launch) ?? 0,
    knows: (launch) => doubts.has(launch) || refusals.has(launch),
    settle: (launch) => {
      doubts.delete(launch);
      refusals.delete(launch);
    },
  };
};

const trim = (map: Map<string, unknown>): void => {
  const [oldest] = map.keys();
  if (map.size > MOST && oldest !== undefined) map.delete(oldest);
};
