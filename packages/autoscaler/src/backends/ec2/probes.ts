/**
 * Many launches at once ask for the same offering first. When it is out, each would learn that by a request of its own,
 * from an allowance of two a second; so the first one asks and the others wait for what it hears.
 */
import { pause } from './pause.ts';

export interface Probes {
  /** Waits while another launch asks for an offering that has not been granted lately. Bounded. */
  turn(offering: string, signal: AbortSignal): Promise<void>;
  /** Runs one request for an offering. `granted` tells which results mean that it can be had. */
  run<T>(offering: string, work: () => Promise<T>, granted: (result: T) => boolean): Promise<T>;
}

/** Having been granted says something about the next minute. */
const TRUST_MS = 60_000;
const LONGEST_WAIT_MS = 5_000;

/** @param now monotonic milliseconds */
export const createProbes = (now: () => number): Probes => {
  const asking = new Map<string, Promise<void>>();
  const grantedAt = new Map<string, number>();
  return {
    turn: async (offering, signal) => {
      const other = asking.get(offering);
      const trusted = now() - (grantedAt.get(offering) ?? Number.NEGATIVE_INFINITY) < TRUST_MS;
      if (other === undefined || trusted) return;
      const given = new AbortController();
      // Not for ever: an answer that does not come says nothing about the offering.
      await Promise.race([other, pause(LONGEST_WAIT_MS, AbortSignal.any([signal, given.signal]))]);
      given.abort();
    },
    run: async (offering, work, granted) => {
      const running = work();
      const settled = running.then(
        (result) => {
          if (granted(result)) grantedAt.set(offering, now());
          else grantedAt.delete(offering);
        },
        () => undefined,
      );
      asking.set(offering, settled);
      try {
        return await running;
      } finally {
        if (asking.get(offering) === settled) asking.delete(offering);
      }
    },
  };
};
