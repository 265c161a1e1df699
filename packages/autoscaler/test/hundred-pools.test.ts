/** What one tick over many pools asks of Redis and of the provider. Counts, for times depend on the machine; those are in bench/. */
import type { AppConfig, Backend, PoolConfig } from '@flamejs/queue';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createController } from '../src/controller.ts';
import { createLeader, LEASE_MS } from '../src/leader.ts';
import { encodeIntent, newIntent } from '../src/record/intent.ts';
import { newRunnerId } from '../src/record/runner-id.ts';
import { memoryStore, memoryWorld } from '../src/store/memory-store.ts';
import type { Store } from '../src/store/store.ts';
import { modelConfig, OWNER } from './model/controllers.ts';
import { virtualClock } from './model/virtual-clock.ts';
import { createWorld } from './model/world.ts';

const POOLS = 100;

/** Calls of each function of the object, by name. */
const counted = <T extends object>(target: T, counts: Record<string, number>): T =>
  new Proxy(target, {
    get: (object, name, receiver) => {
      const value: unknown = Reflect.get(object, name, receiver);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        counts[String(name)] = (counts[String(name)] ?? 0) + 1;
        return Reflect.apply(value, object, args) as unknown;
      };
    },
  });

/** The calls of one settled tick, with so many ready runners in each pool. */
const tickOf = async (perPool: number): Promise<Readonly<Record<string, number>>> => {
  const clock = virtualClock();
  const redisNow = (): number => clock.mono() + 1_700_000_000_000;
  const memory = memoryWorld(redisNow);
  const counts: Record<string, number> = {};
  const machines: string[] = [];
  for (let p = 0; p < POOLS; p += 1) {
    const name = `pool${p}`;
    for (let r = 0; r < perPool; r += 1) {
      const runnerId = newRunnerId(name, OWNER);
      const from = { runnerId, pool: name, backend: 'model', release: 'r1', slots: 2, env: {}, reason: '' };
      const fresh = newIntent(from, redisNow());
      const launch = { ...fresh.launch, outcome: 'accepted' as const, acceptedAt: redisNow() };
      const ready = { state: 'ready' as const, readyAt: redisNow(), instanceId: runnerId };
      memory.intents.set(runnerId, encodeIntent({ ...fresh, ...ready, launch }));
      machines.push(runnerId);
    }
  }
  const { backend: model } = createWorld({ max: 1 });
  const backend: Backend = counted(
    {
      ...model,
      list: async () =>
        machines.map((runnerId) => ({ id: runnerId, runnerId, pool: '', state: 'running' as const, launchedAt: 0 })),
    },
    counts,
  );
  const one = modelConfig(createWorld({ max: perPool }), backend, { min: perPool });
  const [like] = Object.values(one.pools);
  const pools = Object.fromEntries(
    Array.from({ length: POOLS }, (_, p) => [`pool${p}`, { ...like, name: `pool${p}` } as PoolConfig]),
  );
  const config: AppConfig = { ...one, pools };
  const store: Store = counted(memoryStore(memory), counts);
  const log = pino({ level: 'silent' });
  const leader = createLeader({ store, clock, log, holder: 'one', leaseMs: LEASE_MS });
  await leader.keep();
  const controller = createController({ config, store, clock, log, leader, owner: OWNER, backendOf: () => backend });
  // The first one raises the pools' epochs and writes its first samples.
  await controller.tick();
  await controller.settle();
  await clock.advance(backend.defaults.tickMs);
  for (const name of Object.keys(counts)) delete counts[name];
  await controller.tick();
  await controller.settle();
  return counts;
};

test('one tick over 100 pools asks the provider once, and Redis a fixed number of times per pool, however many runners there are', async () => {
  const few = await tickOf(1);
  // Of each pool: one look, and one sample for its history.
  expect(few).toEqual({ intents: 1, list: 1, observe: POOLS, record: POOLS, beat: 1 });
  expect(await tickOf(50)).toEqual(few);
});
