/** Progress of one call: its newest value in a key of its own, and on a channel of the same name for those who watch. */
import type { PoolKeys, RedisClient } from '@flamejs/queue/protocol';
import type { Logger } from 'pino';

/** At most 20 a second: what comes faster is overtaken by the newest. */
const EVERY_MS = 50;

export interface CallProgress {
  report(json: Uint8Array): void;
  /** Sends the newest value if it has not been sent. */
  flush(): void;
}

export const createCallProgress = (
  client: RedisClient,
  keys: PoolKeys,
  callId: string,
  ttlMs: number,
  logger: Logger,
): CallProgress => {
  const key = keys.progress(callId);
  let newest: Uint8Array | undefined;
  let timer: NodeJS.Timeout | undefined;
  let sentAt = Number.NEGATIVE_INFINITY;

  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (newest === undefined) return;
    const value = Buffer.from(newest);
    newest = undefined;
    sentAt = performance.now();
    const failed = (error: unknown): void => logger.debug({ err: error, callId }, 'progress could not be sent');
    client.set(key, value, 'PX', ttlMs).catch(failed);
    client.publish(key, value).catch(failed);
  };

  return {
    report(json) {
      newest = json;
      if (timer !== undefined) return;
      const waitMs = sentAt + EVERY_MS - performance.now();
      if (waitMs <= 0) flush();
      else timer = setTimeout(flush, waitMs);
    },
    flush,
  };
};
