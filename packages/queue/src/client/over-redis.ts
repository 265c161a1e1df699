/** Calls over Redis. Loaded with the first call: executors and command lines that make none do without the queue's libraries. */

import { type Logger, pino } from 'pino';
import type { AppConfig } from '../config/types.ts';
import type { CallMaker } from './call-maker.ts';
import { createCaller } from './caller.ts';
import { overPlace } from './over-place.ts';
import { createRedisPlace } from './redis-place.ts';
import { schedule } from './schedule.ts';
import { createRedisFeed } from './stream/redis-feed.ts';

/** @param given without it, warnings go to stderr */
export const createRedisCaller = (config: AppConfig, given: Logger | undefined): CallMaker => {
  const logger = given ?? pino({ name: 'flame', level: 'warn' }, pino.destination(2));
  const caller = createCaller(config, logger);
  return {
    ...overPlace(config, createRedisPlace(config, caller)),
    submit: caller.submit,
    begin: caller.begin,
    feed: (pool, id, isOwner) => createRedisFeed(caller, pool, id, isOwner),
    schedule: (id, timing, request) => schedule(caller, id, timing, request),
    close: () => caller.close(),
  };
};
