/**
 * Keeps what this runner holds: renews the locks on monotonic time, by the fence instead of by the lock, so that a call is
 * taken back after an outage of Redis when nothing newer has started. The reply also says what was lost and what is to
 * be cancelled. BullMQ's own renewal uses the machine's wall clock, which may be set back.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type CallStore, LOCK_MS, LOCK_RENEW_MS } from '@flamejs/protocol';
import type { Logger } from 'pino';
import type { HeldCall, HeldCalls } from './held-call.ts';

/** A call that waits for an executor begins only while its lock is surely held; what is older is asked for first. */
export const DOUBT_MS = LOCK_MS - 1_000;

/** Without contact for so long, executors are killed: by then somebody else may have started their calls. */
export const OUT_OF_CONTACT_MS = 30_000;

export interface LeaseKeeper {
  start(): void;
  stop(): void;
  /** Renews now, beside the regular times: after a reconnect. */
  renewNow(): void;
  /**
   * Whether a call may have passed to another runner: this process stood still, or Redis was away.
   * @returns when Redis has been asked, and a call that is no longer ours was stopped; `undefined` when there is no doubt
   */
  settleDoubt(call: HeldCall): Promise<void> | undefined;
  /** It is no longer held; says so when its lock may have run out since the last renewal. */
  ended(call: HeldCall): void;
}

export interface LeaseKeeperOptions {
  readonly store: CallStore;
  readonly runnerId: string;
  readonly calls: HeldCalls;
  onSuperseded(callId: string): void;
  /** Calls whose locks may have run out before they were renewed, and for how long nothing was known of them. */
  onLate(callIds: readonly string[], silentMs: number): void;
  onError(error: Error): void;
}

/** Tells a log of both. */
export const leaseLog = (logger: Logger): Pick<LeaseKeeperOptions, 'onLate' | 'onSuperseded'> => ({
  // This process or its machine stood still, or Redis was away: other runners may have taken calls over.
  onLate: (late, silentMs) =>
    logger.warn({ calls: late, silentMs }, 'locks were renewed late: their calls may have been started elsewhere'),
  onSuperseded: (callId) => logger.warn({ callId }, 'another runner has this call now: what runs of it here is ended'),
});

export const createLeaseKeeper = (options: LeaseKeeperOptions): LeaseKeeper => {
  const { store, runnerId, calls, onSuperseded, onLate, onError } = options;
  let timer: NodeJS.Timeout | undefined;
  let contactAt = performance.now();
  let underWay: Promise<void> | undefined;

  // One at a time: while Redis is away, the one that is under way waits for it.
  const renew = (): Promise<void> => {
    underWay ??= renewOnce().finally(() => {
      underWay = undefined;
    });
    return underWay;
  };

  const renewOnce = async (): Promise<void> => {
    // By id and attempt, for the call may end and come back while Redis is asked.
    const asked = new Map(calls.all().map((call) => [call.callId, call]));
    try {
      const leases = [...asked.values()].map(({ callId, ats, generation }) => ({ callId, attempt: ats, generation }));
      if (leases.length === 0) return;
      const askedAt = performance.now();
      const { lost, cancelled } = await store.renew(runnerId, leases);
      contactAt = performance.now();
      reportLate([...asked.values()]);
      for (const call of asked.values()) if (!lost.includes(call.callId)) call.confirm(askedAt);
      for (const id of lost) {
        const call = asked.get(id);
        // It may have been finished in the same moment.
        if (call === undefined || calls.get(id) !== call) continue;
        call.stop({ kind: 'superseded' });
        onSuperseded(id);
      }
      for (const { callId, reason } of cancelled) asked.get(callId)?.stop({ kind: 'cancel', reason });
    } catch (error) {
      onError(error as Error);
    }
  };

  const reportLate = (asked: readonly HeldCall[]): void => {
    const now = performance.now();
    const late = asked.filter((call) => now - call.confirmedAt > LOCK_MS);
    if (late.length === 0) return;
    const ids = late.map(({ callId }) => callId);
    onLate(ids, Math.round(now - Math.min(...late.map((call) => call.confirmedAt))));
  };

  const inDoubt = (call: HeldCall): boolean => performance.now() - call.confirmedAt >= DOUBT_MS;

  const ask = async (call: HeldCall): Promise<void> => {
    // The answer of one that is under way may be older than the question.
    await underWay;
    await renew();
    // Redis does not answer: not in a hot loop.
    if (inDoubt(call) && call.cause === undefined) await sleep(LOCK_RENEW_MS);
  };

  const checkContact = (): void => {
    const silentMs = performance.now() - contactAt;
    for (const call of calls.all()) {
      if (silentMs >= (call.failOnLoss ? LOCK_MS : OUT_OF_CONTACT_MS)) call.stop({ kind: 'out-of-contact' });
    }
  };

  const tick = (): void => {
    // Nothing was asked while nothing was held, so that silence says nothing.
    if (calls.size === 0) contactAt = performance.now();
    checkContact();
    void renew();
  };

  return {
    start() {
      timer ??= setInterval(tick, LOCK_RENEW_MS);
    },
    stop() {
      clearInterval(timer);
      timer = undefined;
    },
    renewNow: () => void renew(),
    settleDoubt: (call) => (inDoubt(call) ? ask(call) : undefined),
    ended: (call) => reportLate([call]),
  };
};
