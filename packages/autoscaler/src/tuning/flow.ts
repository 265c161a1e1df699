/**
 * The calls of a recorded past as a flow: how many came in each interval follows from what stood there and from what was
 * served, and other runners serve them sooner or later. Where no call has ended nobody knows how long they take, so they
 * stand there as they did. Pure.
 */
import type { HistorySample } from '@flamejs/queue';

export interface Queue {
  readonly waiting: number;
  readonly active: number;
  readonly oldestWaitMs: number;
}

export interface Flow {
  /** What stands at a sample when so many slots are ready. To be asked in order, once each. */
  at(index: number, slots: number): Queue;
  /** The interval after a sample passes with so many slots. */
  pass(index: number, slots: number, forMs: number): void;
}

export const createFlow = (samples: readonly HistorySample[]): Flow => {
  const known = samples.find(({ serviceTimeMs }) => serviceTimeMs !== null)?.serviceTimeMs ?? null;
  const serviceMs = (index: number): number => Math.max(1, samples[index]?.serviceTimeMs ?? known ?? 1);
  const inSystem = (index: number): number => (samples[index]?.waiting ?? 0) + (samples[index]?.active ?? 0);
  let calls = inSystem(0);
  let waitingSince: number | null = null;
  let debt = 0;

  return {
    at(index, slots) {
      const sample = samples[index];
      if (sample === undefined) return { waiting: 0, active: 0, oldestWaitMs: 0 };
      if (known === null) return sample;
      // Half a call is rounding, not somebody who waits.
      const whole = Math.round(calls);
      const active = Math.min(whole, slots);
      const waiting = whole - active;
      if (waiting === 0) waitingSince = null;
      else waitingSince ??= sample.at;
      // The oldest one waits for as long as there is a queue, and no longer than the queue takes to pass.
      const standing = waitingSince === null ? 0 : sample.at - waitingSince;
      const passing = slots > 0 ? (waiting * serviceMs(index)) / slots : Number.POSITIVE_INFINITY;
      return { waiting, active, oldestWaitMs: Math.min(Math.max(standing, 0), passing) };
    },
    pass(index, slots, forMs) {
      if (known === null || samples[index + 1] === undefined) return;
      const eachMs = serviceMs(index);
      const served = (active: number): number => (active * forMs) / eachMs;
      // Calls end one by one, and not by fractions: what ended more than the mean says is made up for by the next intervals.
      const net = inSystem(index + 1) - inSystem(index) + served(samples[index]?.active ?? 0) + debt;
      debt = Math.min(0, net);
      const came = Math.max(0, net);
      // Calls that are shorter than an interval come and go within it: those that stay are what is always under way.
      calls =
        eachMs < forMs
          ? Math.max(calls + came - served(slots), Math.min(calls + came, (came * eachMs) / forMs))
          : Math.max(0, calls + came - served(Math.min(calls, slots)));
    },
  };
};
