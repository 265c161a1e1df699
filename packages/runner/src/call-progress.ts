/** Progress of one call: its newest value in a key of its own, and on a channel of the same name for those who watch. */
import { type CallStore, sealNote, type Vault } from '@flamejs/protocol';
import type { Logger } from 'pino';

/** At most 20 a second: what comes faster is overtaken by the newest. */
const EVERY_MS = 50;

export interface CallProgress {
  report(json: Uint8Array): void;
  /** Sends the newest value if it has not been sent. Resolves when it is on its way; never rejects. */
  flush(): Promise<void>;
}

export const createCallProgress = (
  store: CallStore,
  callId: string,
  ttlMs: number,
  vault: Vault,
  logger: Logger,
): CallProgress => {
  let newest: Uint8Array | undefined;
  let timer: NodeJS.Timeout | undefined;
  let sentAt = Number.NEGATIVE_INFINITY;

  const failed = (error: unknown): void => logger.debug({ err: error, callId }, 'progress could not be sent');

  /** One after the other: a value whose sealing takes longer must not overtake a later one. */
  let sending: Promise<void> = Promise.resolve();

  const flush = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    if (newest === undefined) return sending;
    const json = newest;
    newest = undefined;
    sentAt = performance.now();
    sending = sending.then(() => send(json)).catch(failed);
    return sending;
  };

  const send = async (json: Uint8Array): Promise<void> => {
    const note = await sealNote(vault, json, { callId, kind: 'progress' });
    store.reportProgress(callId, note, ttlMs).catch(failed);
  };

  return {
    report(json) {
      newest = json;
      if (timer !== undefined) return;
      const waitMs = sentAt + EVERY_MS - performance.now();
      if (waitMs <= 0) void flush();
      else timer = setTimeout(() => void flush(), waitMs);
    },
    flush,
  };
};
