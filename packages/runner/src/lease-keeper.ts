/**
 * Keeps what this runner holds: renews the locks on monotonic time, by the fence instead of by the lock, so that a call is
 * taken back after an outage of Redis when nothing newer has started. The reply also says what was lost and what is to
 * be cancelled. BullMQ's own renewal uses the machine's wall clock, which may be set back.
 */
import { LOCK_MS, LOCK_RENEW_MS, type PoolKeys, type RedisClient, runScript } from '@flamejs/queue/protocol';
import type { HeldCalls } from './held-call.ts';

/** Without contact for so long, executors are killed: by then somebody else may have started their calls. */
export const OUT_OF_CONTACT_MS = 30_000;

export interface LeaseKeeper {
  start(): void;
  stop(): void;
  /** Renews now, beside the regular times: after a reconnect. */
  renewNow(): void;
}

export interface LeaseKeeperOptions {
  readonly client: RedisClient;
  readonly keys: PoolKeys;
  readonly calls: HeldCalls;
  onSuperseded(callId: string): void;
  onError(error: Error): void;
}

export const createLeaseKeeper = (options: LeaseKeeperOptions): LeaseKeeper => {
  const { client, keys, calls, onSuperseded, onError } = options;
  let timer: NodeJS.Timeout | undefined;
  let contactAt = performance.now();
  let renewing = false;

  const renew = async (): Promise<void> => {
    // One at a time: while Redis is away, the one that is under way waits for it.
    if (renewing) return;
    renewing = true;
    // By id and attempt, for the call may end and come back while Redis is asked.
    const asked = new Map(calls.all().map((call) => [call.callId, call]));
    try {
      const args = [...asked.values()].flatMap(({ callId, ats, generation, token }) => [
        callId,
        ats,
        generation,
        token,
      ]);
      if (args.length === 0) return;
      const reply = await runScript(client, 'flameRenew', [keys.queue, LOCK_MS, ...args]);
      const [lost, cancelled] = reply as [string[], string[]];
      contactAt = performance.now();
      for (const id of lost) {
        const call = asked.get(id);
        // It may have been finished in the same moment.
        if (call === undefined || calls.get(id) !== call) continue;
        call.stop({ kind: 'superseded' });
        onSuperseded(id);
      }
      for (let i = 0; i + 1 < cancelled.length; i += 2) {
        asked.get(cancelled[i] ?? '')?.stop({ kind: 'cancel', reason: cancelled[i + 1] ?? '' });
      }
    } catch (error) {
      onError(error as Error);
    } finally {
      renewing = false;
    }
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
  };
};
