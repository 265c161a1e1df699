/** What happens to this runner, in the pool's capped stream of events, for people. */
import { type PoolEvent, type PoolKeys, type RedisClient, runScript } from '@flamejs/protocol';
import type { Logger } from 'pino';

export interface PoolEvents {
  /** Resolves when it is stored, or cannot be; never rejects. */
  emit(type: PoolEvent['type'], reason: string, details?: Readonly<Record<string, unknown>>): Promise<void>;
}

export const createPoolEvents = (
  client: RedisClient,
  keys: PoolKeys,
  runnerId: string,
  logger: Logger,
): PoolEvents => ({
  async emit(type, reason, details = {}) {
    logger.info({ event: type, reason, ...details }, `${type}${reason === '' ? '' : `: ${reason}`}`);
    try {
      // The autoscaler tells of the same as it sees it: readers show one of the two.
      const told = JSON.stringify({ ...details, teller: 'runner' });
      await runScript(client, 'flameEvent', [keys.events, type, runnerId, reason, told]);
    } catch (error) {
      logger.debug({ err: error }, 'an event could not be stored');
    }
  },
});
