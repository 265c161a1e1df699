/**
 * The counts by which a pool is scaled, against what is true: the runner's own workers and moves, without its executors,
 * so that this process knows at every moment what they hold.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  connect,
  createHousekeeping,
  createRedisStore,
  createVault,
  disconnect,
  type RedisClient,
  type TakenCall,
  type Verdict,
  whenReady,
} from '@flamejs/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../packages/autoscaler/src/clock.ts';
import { redisStore } from '../../packages/autoscaler/src/store/redis-store.ts';
import type { PoolSnapshot } from '../../packages/autoscaler/src/store/store.ts';
import type { Plan } from '../../packages/protocol/src/attempt/after-run.ts';
import { createVerdictMaker } from '../../packages/protocol/src/attempt/to-verdict.ts';
import { type CallLoop, createCallLoop } from '../../packages/runner/src/call-loop.ts';
import { createWorkSignal } from '../../packages/runner/src/work-signal.ts';
import { type Random, runSeed, seeded } from '../chaos/random.ts';
import { type Fleet, startFleet, tasks } from '../support/fleet.ts';
import { bySize } from '../support/tier.ts';
import { waitFor } from '../support/wait-for.ts';

const WORKERS = 20;
const HOUR_MS = 3_600_000;
const open: RedisClient[] = [];
const workers: CallLoop[] = [];
let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet();
});
afterAll(async () => {
  for (const worker of workers) worker.close();
  for (const client of open) disconnect(client);
  await fleet.stop();
});

const connection = async (name: string): Promise<RedisClient> => {
  const client = connect(fleet.config.redis, 'steady', name);
  open.push(client);
  client.on('error', () => undefined);
  await whenReady(client, 10_000);
  return client;
};

interface Truth {
  /** Executions that go on now; each is an object of its own. */
  readonly bodies: Set<object>;
  /** Calls whose outcome is on its way to Redis, or there. */
  ending: number;
}

/** What becomes of a call: most come to a value, the others fail, for good or for now. */
const fate = (random: Random): Plan => {
  const dice = random.next();
  if (dice < 0.6) return { kind: 'value', frame: Buffer.from('null') };
  if (dice < 0.8) return { kind: 'thrown', frame: Buffer.from('null'), errorName: 'Error', message: 'it failed' };
  return { kind: 'retry', delayMs: dice < 0.9 ? 0 : 30, message: 'it failed for now' };
};

const startWorker = async (n: number, client: RedisClient, truth: Truth, random: Random): Promise<void> => {
  const runnerId = `w${n}`;
  const verdicts = createVerdictMaker(runnerId, createVault(fleet.config));
  const process = async ({ callId, attempt, pickUp }: TakenCall): Promise<Verdict | undefined> => {
    if (pickUp === undefined) return { callId, attempt, generation: '', kind: 'reject', reason: 'no call of ours' };
    const body = {};
    truth.bodies.add(body);
    await sleep(random.between(1, 40));
    truth.bodies.delete(body);
    const plan = fate(random);
    if (plan.kind !== 'retry') truth.ending += 1;
    return verdicts.of({ callId, attempt, generation: pickUp.generation }, { attempt, pickUp }, plan);
  };
  const keys = fleet.keys();
  const worker = createCallLoop({
    store: createRedisStore(client, keys),
    taker: { runnerId, release: 'test' },
    slots: 1,
    signal: createWorkSignal(client, await connection(`blocking-${n}`), keys),
    process,
    recoverStalled: createHousekeeping(client, keys, 'main').recoverStalled,
    canOffer: () => false,
    putBackStrays: async () => undefined,
    onError: () => undefined,
  });
  workers.push(worker);
  worker.start();
};

const totalOf = ({ waiting, prioritized, active, dueSoon }: PoolSnapshot): number =>
  waiting + prioritized + active + dueSoon;

test('CO-11 the counts that scaling goes by are the truth, under priorities and failures; ghosts are healed', async () => {
  const seed = runSeed();
  const random = seeded(seed);
  const client = await connection('commands');
  const { app, prefix } = fleet.config;
  const store = redisStore({ client, prefix, app, clock: systemClock });
  const observe = (): Promise<PoolSnapshot> => store.observe('main', [], HOUR_MS);
  const truth: Truth = { bodies: new Set(), ending: 0 };
  await Promise.all(Array.from({ length: WORKERS }, (_, n) => startWorker(n, client, truth, random)));

  const calls = bySize({ push: 800, nightly: 20_000 });
  let sent = 0;
  let accepted = 0;
  let settled = 0;
  const caller = async (): Promise<void> => {
    while (sent < calls) {
      sent += 1;
      const priority = random.between(0, 4);
      const handle = await fleet.flame.cast(tasks.echo.with({ priority, retries: 9 }), 1);
      accepted += 1;
      const result = handle.result().catch(() => undefined);
      void result.then(() => {
        settled += 1;
      });
      // In waves: sometimes many wait, sometimes none.
      if (random.next() < 0.02) await sleep(random.between(50, 400));
    }
  };
  const callers = Promise.all(Array.from({ length: 10 }, caller));

  let looks = 0;
  while (settled < calls) {
    const before = { bodies: [...truth.bodies], accepted, settled };
    const seen = await observe();
    const throughout = before.bodies.filter((body) => truth.bodies.has(body)).length;
    const found = JSON.stringify({ seed, ...seen, throughout, workers: WORKERS });
    expect(seen.active, found).toBeGreaterThanOrEqual(throughout);
    expect(seen.active, found).toBeLessThanOrEqual(WORKERS);
    expect(totalOf(seen), found).toBeGreaterThanOrEqual(before.accepted - truth.ending);
    expect(totalOf(seen), found).toBeLessThanOrEqual(sent - before.settled);
    looks += 1;
    await sleep(50);
  }
  await callers;
  expect(looks).toBeGreaterThan(10);
  const quiet = async () =>
    (({ active, waiting, prioritized, dueSoon }) => ({ active, waiting, prioritized, dueSoon }))(await observe());
  const nothing = { active: 0, waiting: 0, prioritized: 0, dueSoon: 0 };
  await waitFor(async () => totalOf(await observe()) === 0, { what: 'the last moves', found: quiet });
  expect(await quiet()).toEqual(nothing);

  // What stands in the lists and is no call: a marker of an earlier version, ids whose jobs are gone.
  const { queue } = fleet.keys();
  await fleet.client.lpush(`${queue}active`, '0:0', 'main.ghost');
  await fleet.client.zadd(`${queue}prioritized`, 1, 'main.ghost-with-priority');
  await waitFor(async () => totalOf(await observe()) === 0, {
    what: 'the ghosts to be gone',
    everyMs: 100,
    found: quiet,
  });
  expect(await quiet()).toEqual(nothing);
}, 300_000);
