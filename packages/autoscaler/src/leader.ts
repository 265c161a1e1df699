/** Keeps the lease: one leader an app, fenced by an epoch. */
import type { Logger } from 'pino';
import type { Clock } from './clock.ts';
import type { Store } from './store/store.ts';
import type { Term } from './term.ts';

export interface Leader {
  /** Renews the lease or tries to get it. Never throws. @returns the term while leading */
  keep(): Promise<Term | null>;
  current(): Term | null;
  /** Gives the lease back, so that another one need not wait for its end. */
  release(): Promise<void>;
}

export interface LeaderOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Unique to this controller's life: a restarted one must be elected anew. */
  readonly holder: string;
  readonly leaseMs: number;
}

export const LEASE_MS = 15_000;
export const RENEW_MS = 5_000;

/** A holder stops leading by its own clock after one lease without renewal; half of one more is slack for slow answers. */
const STUCK = 1.5;

export const createLeader = ({ store, clock, log, holder, leaseMs }: LeaderOptions): Leader => {
  let term: Term | null = null;
  let validUntil = 0;
  let renewals = 0;
  /** The lease's value as it was last seen with another holder, and since when it has stood still. */
  let other: { readonly value: string; readonly since: number } | null = null;

  const depose = (reason: string): void => {
    if (term !== null) log.warn({ epoch: term.epoch, reason }, 'no longer the leading autoscaler');
    term = null;
  };

  const elect = async (): Promise<void> => {
    const asked = clock.mono();
    const stuck = other !== null && asked - other.since >= STUCK * leaseMs ? other.value : null;
    const lease = await store.acquire(holder, leaseMs, stuck);
    if (typeof lease === 'string') {
      if (other?.value !== lease) other = { value: lease, since: clock.mono() };
      return;
    }
    other = null;
    renewals = 0;
    const electedAt = clock.mono();
    validUntil = asked + leaseMs;
    const mine: Term = {
      epoch: lease.epoch,
      now: () => lease.now + Math.max(0, clock.mono() - electedAt),
      leads: () => term === mine && clock.mono() < validUntil,
      depose: (reason) => {
        if (term === mine) depose(reason);
      },
    };
    term = mine;
    log.info({ epoch: lease.epoch }, 'leading');
  };

  const renew = async (epoch: number): Promise<void> => {
    // Counted from before the question: the answer may have been long under way.
    const asked = clock.mono();
    renewals += 1;
    if (await store.renew(holder, epoch, leaseMs, renewals)) validUntil = asked + leaseMs;
    else depose('the lease is held by another one');
  };

  return {
    async keep() {
      try {
        if (term !== null) await renew(term.epoch);
        if (term === null) await elect();
      } catch (error) {
        log.warn({ err: error }, 'the lease could not be renewed');
      }
      if (term !== null && clock.mono() >= validUntil) depose('the lease ran out');
      return term;
    },
    current: () => (term !== null && clock.mono() < validUntil ? term : null),
    async release() {
      const held = term;
      term = null;
      if (held !== null) await store.release(holder, held.epoch);
    },
  };
};
