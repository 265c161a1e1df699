/** Whose each second of one machine is. A second has one owner, and the shares of a machine that has ended add up to its whole life. Pure. */

import { PURPOSES, type Purpose } from '@flamejs/protocol';

/** Whole milliseconds. */
export type Shares = Readonly<Record<Purpose, number>>;

export const NO_SHARES: Shares = { calls: 0, boot: 0, idle: 0, drain: 0 };

export interface MachineLook {
  /** When the provider took the launch; from there on it costs. The controller's clock, ms. */
  readonly acceptedAt: number;
  /** When its runner was ready; `null` for not yet, or never. */
  readonly readyAt: number | null;
  /** What its runner has told of itself, ms so far. */
  readonly busyMs: number;
  readonly idleMs: number;
  readonly drainMs: number;
  /** Now, or when it ended. */
  readonly until: number;
  readonly ended: boolean;
  /** What the provider charges at least, ms. */
  readonly minimumMs: number;
}

/** A runner that became ready is known as such by then; what it boots longer is counted as it goes. */
const TOLD_WITHIN_MS = 60_000;

/**
 * @param counted what was counted of this machine before
 * @returns what is to be counted now: never negative, together never more than it has lived. Of one that has ended, all that is
 *   left: what nobody accounts for (the way from its last word to its end, the provider's minimum) is the drain's, or the boot's of
 *   one that was never ready.
 */
export const owed = (look: MachineLook, counted: Shares): Shares => {
  const lived = Math.max(0, Math.round(look.until - look.acceptedAt));
  const total = look.ended ? Math.max(lived, look.minimumMs) : lived;
  let left = Math.max(0, total - sum(counted));
  const take = (wanted: number): number => {
    const taken = Math.min(left, Math.max(0, Math.round(wanted)));
    left -= taken;
    return taken;
  };
  const calls = take(look.busyMs - counted.calls);
  const idle = take(look.idleMs - counted.idle);
  const drain = take(look.drainMs - counted.drain);
  const booted = look.readyAt === null ? (look.ended ? total : lived - TOLD_WITHIN_MS) : look.readyAt - look.acceptedAt;
  const boot = take(booted - counted.boot);
  return { calls, boot, idle, drain: drain + (look.ended ? left : 0) };
};

export const sum = (shares: Shares): number => PURPOSES.reduce((all, purpose) => all + shares[purpose], 0);

export const plus = (a: Shares, b: Shares): Shares => ({
  calls: a.calls + b.calls,
  boot: a.boot + b.boot,
  idle: a.idle + b.idle,
  drain: a.drain + b.drain,
});
