/** Calls over Redis. Loaded with the first call: executors and command lines that make none do without the queue's libraries. */
import { type Logger, pino } from 'pino';
import { decode } from '../codec/index.ts';
import type { AppConfig } from '../config/types.ts';
import type { CallMaker } from './call-maker.ts';
import { createCaller } from './caller.ts';
import { createHandle } from './handle.ts';
import { schedule } from './schedule.ts';

/** @param given without it, warnings go to stderr */
export const createRedisCaller = (config: AppConfig, given: Logger | undefined): CallMaker => {
  const logger = given ?? pino({ name: 'flame', level: 'warn' }, pino.destination(2));
  const caller = createCaller(config, logger);
  return {
    submit: caller.submit,
    handle: (pool, id) => createHandle(config, caller, pool, id),
    async readiness(pool, id) {
      const client = await caller.link.client();
      const json = await client.hget(`${caller.pool(pool).keys.queue}${id}`, 'f:ready');
      return json === null ? undefined : { value: decode({ json, parts: [] }) };
    },
    abort: (id, pool, reason) => caller.recall.add(id, pool.name, reason),
    schedule: (id, timing, request) => schedule(caller, id, timing, request),
    close: () => caller.close(),
  };
};
