/** What operators do: through the same scripts as the facade, so that callers who wait learn of it. */
import { type CancelResult, FlameCancelledError } from '@flamejs/queue';
import { encode, packPayload } from '@flamejs/queue/internal';
import { createRetries, type RetryResult, settleWaiting } from '@flamejs/queue/protocol';
import type { Link } from './link.ts';
import type { Queues } from './queues.ts';

export type DrainResult = 'ordered' | 'draining' | 'unknown';

export interface Actions {
  /** Runs a failed call again as a new generation. */
  retry(pool: string, id: string): Promise<RetryResult>;
  /** @returns how many failed calls of the pool, or of one of its functions, were retried */
  retryFailed(pool: string, functionName?: string): Promise<number>;
  cancel(pool: string, id: string, reason: string): Promise<CancelResult>;
  /** Stops calls from starting; those that run go on. */
  pause(pool: string): Promise<void>;
  resume(pool: string): Promise<void>;
  /** Lets a runner end its calls, take no more, and end. A managed pool gets another when it needs one. */
  drain(pool: string, runnerId: string): Promise<DrainResult>;
  /** Wakes the autoscaler. */
  kick(pool: string): void;
}

/** KEYS runner hash; ARGV control channel, runner id, reason. A number above every order of the autoscaler so far. */
const DRAIN = `
local state = redis.call('HGET', KEYS[1], 'state')
if not state or state == 'ended' then return 'unknown' end
local drain = tonumber(redis.call('HGET', KEYS[1], 'drain') or '0')
if drain > 0 or state == 'draining' or state == 'drained' then return 'draining' end
local acked = tonumber(redis.call('HGET', KEYS[1], 'ackedDrain') or '0')
redis.call('HSET', KEYS[1], 'drain', math.max(drain, acked) + 1, 'drainReason', ARGV[3])
redis.call('PUBLISH', ARGV[1], cjson.encode({ type = 'drain', runnerId = ARGV[2], generation = 1 }))
return 'ordered'
`;

const CANCELLED = { settled: 'cancelled', active: 'stopping', finished: 'finished', missing: 'unknown' } as const;

export const createActions = (link: Link, queues: Queues): Actions => {
  const { client } = link;
  const kick = (pool: string): void => {
    // A hint only: the autoscaler's tick comes anyway.
    client.publish(link.app.kick, pool).catch(() => undefined);
  };
  return {
    kick,
    async retry(pool, id) {
      const result = await createRetries(client, link.keys(pool), pool).retry(id);
      if (result === 'retried') kick(pool);
      return result;
    },
    async retryFailed(pool, functionName) {
      const filter = functionName === undefined ? {} : { functionName };
      const retried = await createRetries(client, link.keys(pool), pool).retryAll(filter);
      if (retried > 0) kick(pool);
      return retried;
    },
    async cancel(pool, id, reason) {
      const error = new FlameCancelledError(`call ${id} was cancelled: ${reason}`, { callId: id, reason });
      const body = packPayload(encode(error));
      const head = {
        ok: false,
        kind: error.name,
        message: error.message.slice(0, 300),
        attempts: 0,
        runnerLosses: 0,
        runnerId: '',
        startedAt: 0,
        size: body.length,
      };
      const verdict = { generation: 0, head, body, cancelReason: reason };
      return CANCELLED[await settleWaiting(client, link.keys(pool), id, verdict)];
    },
    pause: (pool) => queues.of(pool).pause(),
    async resume(pool) {
      await queues.of(pool).resume();
      kick(pool);
    },
    async drain(pool, runnerId) {
      const keys = link.keys(pool);
      const args = [keys.control, runnerId, 'an operator drains it'];
      return (await client.eval(DRAIN, 1, keys.runner(runnerId), ...args)) as DrainResult;
    },
  };
};
