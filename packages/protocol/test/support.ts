/** A pool in a real Redis, with the protocol's pieces at hand. */
import { type RedisServer, startRedis } from '../../../tests/support/redis.ts';
import type { CallBackend } from '../src/call-backend.ts';
import { callBackendFactory } from '../src/call-backend-factory.ts';
import { newCallId } from '../src/call-id.ts';
import { connect, type RedisClient, whenReady } from '../src/connect.ts';
import { poolKeys } from '../src/keys.ts';
import type { PickUp } from '../src/pick-up.ts';
import type { AcceptedCall, CallStore, Settled, Slots, Verdict } from '../src/store/call-store.ts';
import { createRedisStore } from '../src/store/redis-store.ts';
import type { OutcomeHead } from '../src/verdict.ts';

export const POOL = 'images';
export const keys = poolKeys('flame', 'shop', POOL);

export interface PickedUp {
  readonly id: string;
  readonly attempt: number;
  readonly pickUp: PickUp | undefined;
}

export interface PoolFixture {
  readonly redis: RedisServer;
  readonly client: RedisClient;
  /** For what is done through BullMQ's own classes. */
  readonly backend: CallBackend;
  readonly store: CallStore;
  /** Accepts a call with these deviations from a plain one. @returns its id */
  accept(changes?: Partial<AcceptedCall>): Promise<string>;
  /** Picks the next call up as `runner`. */
  pickUp(runner: string, release?: string): Promise<PickedUp | undefined>;
  /** As the runner does it. @returns what became of the verdict */
  settle(runner: string, verdict: Verdict): Promise<Settled['status']>;
  stop(): Promise<void>;
}

export const startPool = async (): Promise<PoolFixture> => {
  const redis = await startRedis();
  const client = connect({ kind: 'single', url: redis.url, options: {} }, 'steady', 'test');
  client.on('error', () => undefined);
  await whenReady(client, 5_000);
  const opts = { prefix: keys.base, lockDuration: 5_000, maxStalledCount: 1_000_000, stalledInterval: 1 };
  const backend = callBackendFactory({ client })(POOL, opts as { prefix: string });
  backend.on('error', () => undefined);
  const store = createRedisStore(client, keys);
  return {
    redis,
    client,
    backend,
    store,
    async accept(changes = {}) {
      const call = { ...plainCall(), ...changes };
      const [reply] = await store.accept([call]);
      if (reply !== 'accepted') throw new Error(`refused: ${reply}`);
      return call.id;
    },
    async pickUp(runnerId, release = 'r1') {
      const [taken] = (await store.take({ runnerId, release }, plain(1))).calls;
      return taken === undefined ? undefined : { id: taken.callId, attempt: taken.attempt, pickUp: taken.pickUp };
    },
    async settle(runnerId, verdict) {
      const [settled] = await store.settle({ runnerId, release: 'r1' }, [verdict], [false]);
      return settled?.status ?? new Error('no reply');
    },
    async stop() {
      client.disconnect();
      await redis.stop();
    },
  };
};

/** Slots that are not offered. */
export const plain = (count: number): Slots => ({ plain: count, offer: [], offered: [] });

export const plainCall = (): AcceptedCall => ({
  id: newCallId(POOL),
  name: 'resize',
  data: '{"v":1}',
  delayMs: 0,
  priority: 0,
  fingerprint: '',
  waiter: '',
  queueTimeoutMs: 0,
  deadlineInMs: 0,
  deadlineAt: 0,
  resultTtlMs: 3_600_000,
  failedTtlMs: 7_200_000,
  failOnLoss: false,
  release: 'r1',
  maxPending: 1_000,
  link: '',
  awaitedBy: '',
  limits: '',
  largeArgs: undefined,
});

export const okHead: OutcomeHead = {
  ok: true,
  kind: 'value',
  message: '',
  attempts: 1,
  runnerLosses: 0,
  runnerId: 'r1',
  startedAt: 0,
  size: 2,
};

/** Settles a call with a value. */
export const finish = (
  pool: PoolFixture,
  id: string,
  attempt: number,
  runner: string,
  body: Uint8Array = Buffer.from('42'),
  generation = 1,
): Promise<Settled['status']> => {
  const outcome = { head: { ...okHead, size: body.length }, body };
  return pool.settle(runner, { callId: id, attempt, generation, kind: 'settle', outcome, reason: '' });
};

/** Hands a call back, or moves it elsewhere. */
export const move = (
  pool: PoolFixture,
  id: string,
  attempt: number,
  runner: string,
  more: Partial<Verdict> = {},
): Promise<Settled['status']> =>
  pool.settle(runner, { callId: id, attempt, generation: 1, kind: 'again', reason: 'test', ...more });
