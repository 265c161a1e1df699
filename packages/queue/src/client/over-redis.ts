/** Calls over Redis. Loaded with the first call: executors and command lines that make none do without the queue's libraries. */

import { readNote } from '@flamejs/protocol/payload/note';
import { type Logger, pino } from 'pino';
import type { AppConfig } from '../config/types.ts';
import type { CallMaker } from './call-maker.ts';
import { createCaller } from './caller.ts';
import { classifyRefusal } from './classify-refusal.ts';
import { createHandle } from './handle.ts';
import { schedule } from './schedule.ts';
import { secretsHere } from './secrets-here.ts';

/** @param given without it, warnings go to stderr */
export const createRedisCaller = (config: AppConfig, given: Logger | undefined): CallMaker => {
  const logger = given ?? pino({ name: 'flame', level: 'warn' }, pino.destination(2));
  const caller = createCaller(config, logger);
  return {
    submit: caller.submit,
    begin: caller.begin,
    handle: (pool, id) => createHandle(config, caller, pool, id),
    async readiness(pool, id) {
      const client = await caller.link.client();
      const asked = client.hgetBuffer(`${caller.pool(pool).keys.queue}${id}`, 'f:ready');
      const bytes = await caller.link.bounded(asked).catch((error) => {
        throw classifyRefusal(error, id, caller.link.admission.memory);
      });
      if (bytes === null) return undefined;
      const secrets = secretsHere(config, id);
      return { value: await readNote(caller.vault, bytes, { callId: id, kind: 'ready' }, { secrets }) };
    },
    whenOver: (pool, id) =>
      new Promise((resolve) => {
        const over = (): void => resolve();
        caller.join(id, pool, { resolve: over, reject: over, isBackground: true }).catch(over);
      }),
    abort: (id, pool, reason) => caller.recall.add(id, pool.name, reason),
    schedule: (id, timing, request) => schedule(caller, id, timing, request),
    close: () => caller.close(),
  };
};
