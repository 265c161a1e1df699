/** The calls of an app in Redis, as this process sees them. */
import { appKeys } from '@flamejs/protocol/keys';
import { parsePoolStatus } from '@flamejs/protocol/pool-status';
import { createRedisStore } from '@flamejs/protocol/store/redis-store';
import type { AppConfig } from '../config/types.ts';
import type { CallPlace } from './call-place.ts';
import type { Caller } from './caller.ts';
import { classifyRefusal } from './classify-refusal.ts';

export const createRedisPlace = (config: AppConfig, caller: Caller): CallPlace => {
  const { link, vault, recall, channels } = caller;
  return {
    vault,
    async ask(pool, callId, question) {
      const client = await link.client();
      const { keys } = caller.pool(pool);
      return link.bounded(question(createRedisStore(client, keys)), callId).catch((error) => {
        throw classifyRefusal(error, callId, link.admission.memory);
      });
    },
    async poolStatus({ name }) {
      const client = await link.client();
      return parsePoolStatus(await link.bounded(client.hget(appKeys(config.prefix, config.app).pools, name)));
    },
    join: caller.join,
    leave: caller.leave,
    cancel: (callId, { name }, reason) => recall.cancel(callId, name, reason),
    giveUp: (callId, { name }, reason) => recall.add(callId, name, reason),
    follow: (callId, pool, listener) => channels.follow(caller.pool(pool).keys.progress(callId), listener),
    wake: (pool) => caller.pool(pool).kick.send(),
  };
};
