/**
 * After a broken connection a pick-up may have been carried out whose reply never came, or a call handed over that never arrived: it would
 * stand in `active` until its lock ran out, and count as the loss of a runner that is well. It goes back to the queue instead.
 */
import type { CallStore } from '@flamejs/protocol';
import type { Logger } from 'pino';

export interface StraysOptions {
  readonly store: CallStore;
  readonly runnerId: string;
  /** Whether this runner has the call. */
  readonly has: (callId: string) => boolean;
  readonly logger: Logger;
}

const EVERY_MS = 1_000;

/** @returns looks once for all who ask while a look is under way or due, and at most every second. It never rejects */
export const createPutBackStrays = ({ store, runnerId, has, logger }: StraysOptions): (() => Promise<void>) => {
  let underWay: Promise<void> | undefined;
  let lookedAt = Number.NEGATIVE_INFINITY;

  /** Replies come in the order of the commands: what was picked up before this list was made is known when it arrives. */
  const look = async (): Promise<void> => {
    const early = Math.max(0, lookedAt + EVERY_MS - performance.now());
    await new Promise((resolve) => setTimeout(resolve, early).unref());
    lookedAt = performance.now();
    underWay = undefined;
    try {
      const held = await store.heldBy(runnerId);
      // A reply that came in the same moment, before this one, may still be on its way through promises.
      await new Promise((resolve) => setImmediate(resolve));
      const strays = held.filter(({ callId }) => !has(callId));
      if (strays.length === 0) return;
      const back = await store.putBack(runnerId, strays);
      if (back.length > 0)
        logger.info({ calls: back }, 'calls whose pick-up was lost on the way are back in the queue');
    } catch (error) {
      logger.debug({ err: error }, 'could not look for calls whose pick-up was lost');
    }
  };

  return () => {
    underWay ??= look();
    return underWay;
  };
};
