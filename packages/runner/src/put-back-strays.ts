/**
 * After a broken connection a pick-up may have been carried out whose reply never came, or a call handed over that never arrived: it would
 * stand in `active` until its lock ran out, and count as the loss of a runner that is well. It goes back to the queue instead.
 */
import { type PoolKeys, type RedisClient, runScript } from '@flamejs/protocol';
import type { Logger } from 'pino';

export interface StraysOptions {
  readonly client: RedisClient;
  readonly keys: PoolKeys;
  readonly runnerId: string;
  /** Whether this runner has the call. */
  readonly has: (callId: string) => boolean;
  readonly logger: Logger;
}

const EVERY_MS = 1_000;

/** @returns looks once for all who ask while a look is under way or due, and at most every second. It never rejects */
export const createPutBackStrays = ({ client, keys, runnerId, has, logger }: StraysOptions): (() => Promise<void>) => {
  let underWay: Promise<void> | undefined;
  let lookedAt = Number.NEGATIVE_INFINITY;

  /** Replies come in the order of the commands: what was picked up before this list was made is known when it arrives. */
  const look = async (): Promise<void> => {
    const early = Math.max(0, lookedAt + EVERY_MS - performance.now());
    await new Promise((resolve) => setTimeout(resolve, early).unref());
    lookedAt = performance.now();
    underWay = undefined;
    try {
      const held = (await runScript(client, 'flameHeldBy', [keys.queue, runnerId])) as string[];
      // A reply that came in the same moment, before this one, may still be on its way through promises.
      await new Promise((resolve) => setImmediate(resolve));
      const strays: string[] = [];
      for (let i = 0; i + 1 < held.length; i += 2) {
        const id = held[i] ?? '';
        if (!has(id)) strays.push(id, held[i + 1] ?? '');
      }
      if (strays.length === 0) return;
      const back = (await runScript(client, 'flamePutBack', [keys.queue, runnerId, ...strays])) as string[];
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
