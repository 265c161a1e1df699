/** A pool in a real Redis, with the protocol's pieces at hand. */
import { type RedisServer, startRedis } from '../../../tests/support/redis.ts';
import type { AcceptedCall, CallBackend } from '../src/call-backend.ts';
import { callBackendFactory } from '../src/call-backend-factory.ts';
import { newCallId } from '../src/call-id.ts';
import { connect, type RedisClient, whenReady } from '../src/connect.ts';
import { poolKeys } from '../src/keys.ts';
import type { OutcomeHead } from '../src/verdict.ts';

export const POOL = 'images';
export const keys = poolKeys('flame', 'shop', POOL);

export interface PoolFixture {
  readonly redis: RedisServer;
  readonly client: RedisClient;
  readonly backend: CallBackend;
  /** Accepts a call with these deviations from a plain one. @returns its id */
  accept(changes?: Partial<AcceptedCall>): Promise<string>;
  /** Picks the next call up as `runner`. @returns id, attempt and what the script said */
  pickUp(
    runner: string,
    token?: string,
  ): Promise<{ id: string; attempt: number; pickUp: ReturnType<CallBackend['takePickUp']> } | undefined>;
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
  return {
    redis,
    client,
    backend,
    async accept(changes = {}) {
      const reply = await backend.accept({ ...plainCall(), ...changes });
      if (typeof reply !== 'string') throw new Error(`refused: ${reply.refused}`);
      return reply;
    },
    async pickUp(runner, token = `${runner}:1`) {
      const [job, id] = await backend.moveToActive(token, runner);
      if (job === null || job === undefined || id === undefined) return undefined;
      const attempt = (job as { attemptsStarted: number }).attemptsStarted;
      return { id: String(id), attempt, pickUp: backend.takePickUp(String(id), attempt) };
    },
    async stop() {
      client.disconnect();
      await redis.stop();
    },
  };
};

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

/** As the worker does it: settle by the fenced finish. @returns BullMQ's reply */
export const finish = (
  pool: PoolFixture,
  id: string,
  attempt: number,
  token: string,
  body: Uint8Array = Buffer.from('42'),
  generation = 1,
): Promise<unknown> => {
  pool.backend.decide(id, { attempt, generation, outcome: { head: { ...okHead, size: body.length }, body } });
  const job = { id, opts: { attempts: 1 } } as never;
  return pool.backend.moveToCompleted(job, null as never, false, token, false);
};
