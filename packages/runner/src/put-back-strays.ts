/**
 * After a broken connection a pick-up may have been carried out whose reply never came: the call would stand in `active`
 * until its lock ran out, and count as the loss of a runner that is well. It goes back to the queue instead.
 */
import { type PoolKeys, type RedisClient, runScript } from '@flamejs/protocol';
import type { Logger } from 'pino';

/** Replies come in the order of the commands: what was picked up before this list was made is known when it arrives. */
export const putBackStrays = async (
  client: RedisClient,
  keys: PoolKeys,
  runnerId: string,
  has: (callId: string) => boolean,
  logger: Logger,
): Promise<void> => {
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
    if (back.length > 0) logger.info({ calls: back }, 'calls whose pick-up was lost on the way are back in the queue');
  } catch (error) {
    logger.debug({ err: error }, 'could not look for calls whose pick-up was lost');
  }
};
