/**
 * What user code prints: into the call's BullMQ log, in batches and bounded, and into the runner's own log. What looks like a
 * credential by its name is left out of both.
 */

import { type PoolKeys, type RedisClient, runScript } from '@flamejs/protocol';
import { redactText } from '@flamejs/queue/internal';
import type { Logger } from 'pino';
import type { OutputStream } from './executor/index.ts';

/** Lines that are kept per call; the newest win. */
const KEEP_LINES = 1_000;
const FLUSH_MS = 100;
const LINE_LENGTH = 16_384;

export interface CallLog {
  add(line: string, stream: OutputStream): void;
  /** Sends what is still here; it goes ahead of the call's settle on the same connection. */
  flush(): void;
}

export const createCallLog = (
  client: RedisClient,
  keys: PoolKeys,
  callId: string,
  logger: Logger,
  traceFields: () => object = () => ({}),
): CallLog => {
  let lines: string[] = [];
  let dropped = 0;
  let timer: NodeJS.Timeout | undefined;
  let sending = false;

  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (lines.length === 0) return;
    const batch = dropped > 0 ? [`… ${dropped} lines left out`, ...lines] : lines;
    lines = [];
    dropped = 0;
    sending = true;
    const jobKey = `${keys.queue}${callId}`;
    runScript(client, 'flameLog', [jobKey, `${jobKey}:logs`, KEEP_LINES, ...batch])
      .catch((error: unknown) => logger.debug({ err: error, callId }, 'output of a call could not be stored'))
      .finally(() => {
        sending = false;
      });
  };

  return {
    add(printed, stream) {
      const line = redactText(printed.length > LINE_LENGTH ? `${printed.slice(0, LINE_LENGTH)}…` : printed);
      logger.info({ callId, stream, ...traceFields() }, line);
      lines.push(line);
      // While Redis does not take them, only as many wait as would be kept.
      if (lines.length > KEEP_LINES) {
        lines.shift();
        dropped += 1;
      }
      timer ??= setTimeout(() => {
        timer = undefined;
        if (!sending) flush();
      }, FLUSH_MS);
    },
    flush,
  };
};
