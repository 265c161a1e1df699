/** Redis that crashes, stalls, forgets, fills up or is misused under load (fault-testing.md 5.2). */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FlameDataLossError, FlameRemovedError, FlameUnavailableError } from '@flamejs/queue';
import { afterEach, expect, test } from 'vitest';
import { tasks } from '../support/fleet.ts';
import { bySize, tier } from '../support/tier.ts';
import { settles, waitFor } from '../support/wait-for.ts';
import { type Chaos, expectClean, pause, rejections, startChaos } from './harness.ts';

const pools = { main: { max: 4, maxConcurrency: 10, timeout: '60s' } } as const;
const SLOTS = 20;
const patience = { timeout: 240_000 } as const;
const nightly = test.runIf(tier === 'nightly');
let chaos: Chaos;
afterEach(() => chaos.stop());

const crash = async (downMs: number, stop: AbortSignal): Promise<void> => {
  const fault = chaos.note('redis-crash');
  await chaos.fleet.redis.kill9();
  await pause(downMs, stop);
  await chaos.fleet.redis.restart();
  fault.over();
};

test.each(['always', 'everysec'])(
  'R-11 Redis SIGKILLed and back after 2 s, AOF %s: nothing is lost, and only what was in flight may run again',
  patience,
  async (fsync) => {
    chaos = await startChaos({ pools, redis: { appendonly: true, args: ['--appendfsync', fsync] } });
    await chaos.startRunners(2);
    const calls = bySize({ push: 500, nightly: 2_000 });
    const verdict = await chaos.run({ calls, inFlight: 100, work: [50, 150] }, async (stop) => {
      await pause(1_000, stop);
      await crash(2_000, stop);
    });
    expectClean(verdict, chaos.seed, calls);
    // A call whose acceptance is in doubt may be refused, never a call that was accepted.
    for (const error of rejections(chaos)) expect(error).toBeInstanceOf(FlameUnavailableError);
    expect(verdict.restarted).toBeLessThanOrEqual(SLOTS);
  },
);

nightly(
  'R-11b Redis SIGKILLed every 7 s under 10,000 calls: nothing is lost, only what was in flight may run again',
  {
    timeout: 900_000,
  },
  async () => {
    chaos = await startChaos({ pools, redis: { appendonly: true, args: ['--appendfsync', 'everysec'] } });
    await chaos.startRunners(2);
    const calls = 10_000;
    let crashes = 0;
    const verdict = await chaos.run({ calls, inFlight: 100, work: [50, 150] }, async (stop) => {
      while (!stop.aborted) {
        await pause(7_000, stop);
        if (stop.aborted) return;
        await crash(1_000, stop);
        crashes += 1;
      }
    });
    expectClean(verdict, chaos.seed, calls);
    for (const error of rejections(chaos)) expect(error).toBeInstanceOf(FlameUnavailableError);
    expect(crashes).toBeGreaterThan(3);
    expect(verdict.restarted).toBeLessThanOrEqual(crashes * SLOTS);
  },
);

test(
  'RO-14 R-13 a Redis without AOF that restarts empty: every call in flight settles, and says why when it was lost',
  patience,
  async () => {
    chaos = await startChaos({ pools });
    await chaos.startRunners(2);
    const calls = bySize({ push: 60, nightly: 300 });
    const verdict = await chaos.run({ calls, inFlight: calls, work: [2_000, 4_000] }, async (stop) => {
      await pause(1_500, stop);
      await crash(500, stop);
    });
    expectClean(verdict, chaos.seed, calls);
    for (const error of rejections(chaos)) {
      expect([FlameDataLossError.name, FlameUnavailableError.name]).toContain((error as Error).name);
    }
    // Calls whose caller still held their arguments were made again.
    expect(verdict.succeeded).toBeGreaterThan(0);
  },
);

test(
  'R-14 RO-04 RO-05 Redis absent at the start: a typed error in time, no ghost, and everything works once it is there',
  patience,
  async () => {
    chaos = await startChaos({ pools });
    const { redis } = chaos.fleet;
    await redis.kill9();
    const flame = chaos.fleet.caller();
    const began = performance.now();
    const refused = await Promise.all(
      Array.from({ length: 20 }, () => flame.call(tasks.echo, 'x').catch((e: unknown) => e)),
    );
    expect(performance.now() - began).toBeLessThan(30_000);
    for (const error of refused) {
      expect(error).toBeInstanceOf(FlameUnavailableError);
      expect(error).toMatchObject({ enqueued: 'no' });
    }
    await redis.restart();
    await chaos.startRunners(1);
    expect(await flame.call(tasks.echo, 'there')).toBe('there');
    expect(await chaos.fleet.client.zcard(`${chaos.fleet.keys().queue}completed`)).toBe(1);
  },
);

test(
  'R-14 RO-01 Redis away for 8 s in the middle: no ghosts, and calls go on within seconds of its return',
  patience,
  async () => {
    chaos = await startChaos({ pools, redis: { appendonly: true } });
    await chaos.startRunners(2);
    const calls = bySize({ push: 400, nightly: 1_000 });
    const verdict = await chaos.run({ calls, inFlight: 100, work: [50, 150] }, async (stop) => {
      await pause(1_000, stop);
      await crash(bySize({ push: 8_000, nightly: 30_000 }), stop);
    });
    expectClean(verdict, chaos.seed, calls);
    for (const error of rejections(chaos)) expect(error).toBeInstanceOf(FlameUnavailableError);
    const next = chaos.fleet.caller().call(tasks.echo, 'next');
    expect(await settles(next, { what: 'a call after the outage' })).toBe('next');
  },
);

test(
  'RO-11 R-14 the name of Redis cannot be resolved for a while: the runner lives, and takes calls again soon after',
  patience,
  async () => {
    chaos = await startChaos({ pools });
    const { fleet } = chaos;
    const folder = await mkdtemp(join(tmpdir(), 'flame-names-'));
    const down = join(folder, 'down');
    try {
      const preload = new URL('../fixtures/name-service.mjs', import.meta.url).href;
      const runner = await fleet.runner('main', {
        FLAME_REDIS_URL: `redis://localhost:${fleet.redis.port}`,
        NODE_OPTIONS: `--import ${preload}`,
        NAMES_DOWN: down,
      });
      const { pid } = (await fleet.flame.call(tasks.where)) as { readonly pid: number };
      expect(pid).toBeGreaterThan(0);
      await writeFile(down, '');
      await fleet.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      const waiting = fleet.caller().call(tasks.where);
      const early = await Promise.race([
        waiting.then(() => 'served'),
        pause(bySize({ push: 4_000, nightly: 20_000 }), new AbortController().signal),
      ]);
      // Nobody could tell the runner where Redis is.
      expect(early).toBeUndefined();
      expect(runner.process.alive()).toBe(true);
      await rm(down);
      const served = (await settles(waiting, { what: 'the call after the outage' })) as object;
      expect(served).toMatchObject({ runnerId: runner.runnerId });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);

test('R-15 every connection killed each 300 ms: no call is enqueued twice, none hangs', patience, async () => {
  chaos = await startChaos({ pools });
  await chaos.startRunners(2);
  const calls = bySize({ push: 800, nightly: 5_000 });
  let kills = 0;
  // No fault is written down: killed connections explain no further execution.
  const verdict = await chaos.run({ calls, inFlight: 100, work: [5, 20] }, async (stop) => {
    while (!stop.aborted) {
      await pause(300, stop);
      await chaos.fleet.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      kills += 1;
    }
  });
  expectClean(verdict, chaos.seed, calls);
  for (const error of rejections(chaos)) expect(error).toBeInstanceOf(FlameUnavailableError);
  expect(kills).toBeGreaterThan(2);
});

test('R-16 Redis stalls longer than a lock holds: all settle, nothing stale is stored', patience, async () => {
  chaos = await startChaos({ pools });
  await chaos.startRunners(2);
  const calls = bySize({ push: 400, nightly: 2_000 });
  const verdict = await chaos.run({ calls, inFlight: 100, work: [50, 150] }, async (stop) => {
    await pause(1_000, stop);
    for (const seconds of bySize({ push: [6], nightly: [6, 40] })) {
      const fault = chaos.note('stall');
      await chaos.fleet.client.call('DEBUG', 'SLEEP', String(seconds));
      fault.over();
    }
  });
  expectClean(verdict, chaos.seed, calls);
  expect(verdict.restarted).toBeLessThanOrEqual(SLOTS * 2);
});

test(
  'AW-03 R-22 AW-02 AW-06 every stream trimmed to nothing while instant calls pass: none hangs, none is wrong',
  patience,
  async () => {
    chaos = await startChaos({ pools });
    await chaos.startRunners(1);
    const { client, keys } = chaos.fleet;
    const calls = bySize({ push: 400, nightly: 4_000 });
    const verdict = await chaos.run({ calls, inFlight: 100, work: [0, 1] }, async (stop) => {
      while (!stop.aborted) {
        await pause(20, stop);
        const replies = await client.keys(`${keys().base}:reply:*`);
        for (const stream of [`${keys().queue}events`, ...replies]) await client.xtrim(stream, 'MAXLEN', 0);
        // And finished jobs are cleaned away under their callers' feet.
        await client.zremrangebyrank(`${keys().queue}completed`, 0, -1);
      }
    });
    expectClean(verdict, chaos.seed, calls);
    expect(verdict.rejected).toEqual([]);
  },
);

test('R-26 RO-08 a runner refuses a Redis that evicts keys, and ends with the reason', patience, async () => {
  chaos = await startChaos({ pools, redis: { args: ['--maxmemory', '64mb', '--maxmemory-policy', 'allkeys-lru'] } });
  const starting = chaos.fleet.runner();
  starting.catch(() => undefined);
  const runner = await waitFor(() => chaos.fleet.started[0] ?? false, { what: 'the process' });
  const { code } = await settles(runner.process.exited, { what: 'its end' });
  expect(code).not.toBe(0);
  expect(runner.process.output()).toMatch(/allkeys-lru/);
  const error = await chaos.fleet.flame.call(tasks.echo, 1).catch((e: unknown) => e);
  expect((error as Error).name).toBe('FlameConfigError');
});

test('R-29 RO-12 FLUSHALL with calls in flight: they settle as removed, and new calls work', patience, async () => {
  chaos = await startChaos({ pools });
  await chaos.startRunners(2);
  const { fleet } = chaos;
  const waits = Array.from({ length: 60 }, (_, i) => fleet.flame.call(tasks.wait, 2_000, i).catch((e: unknown) => e));
  await waitFor(async () => (await fleet.client.llen(`${fleet.keys().queue}active`)) > 0, { what: 'them to run' });
  await fleet.client.flushall();
  const outcomes = await settles(Promise.all(waits), { what: 'all calls' });
  expect(outcomes.filter((o) => o instanceof Error && !(o instanceof FlameRemovedError))).toEqual([]);
  const next = fleet.flame.call(tasks.echo, 'next');
  expect(await settles(next, { what: 'a call after FLUSHALL' })).toBe('next');
});

test('R-29 SCRIPT FLUSH again and again: scripts are loaded again, nothing runs twice', patience, async () => {
  chaos = await startChaos({ pools });
  await chaos.startRunners(1);
  const calls = bySize({ push: 150, nightly: 1_000 });
  const verdict = await chaos.run({ calls, inFlight: 50, work: [5, 20] }, async (stop) => {
    while (!stop.aborted) {
      await pause(100, stop);
      await chaos.fleet.client.script('FLUSH');
    }
  });
  expectClean(verdict, chaos.seed, calls);
  expect(verdict.rejected).toEqual([]);
  expect(verdict.restarted).toBe(0);
});

test(
  'R-29 a key of the wrong type: a typed rejection, no hot loop, and service once it is gone',
  patience,
  async () => {
    chaos = await startChaos({ pools });
    await chaos.startRunners(1);
    const { fleet } = chaos;
    const wait = `${fleet.keys().queue}wait`;
    expect(await fleet.flame.call(tasks.echo, 1)).toBe(1);
    await fleet.client.set(wait, 'not a list');
    const error = await fleet.flame.call(tasks.echo, 2).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message).toMatch(/WRONGTYPE/);
    const errorsSoFar = async (): Promise<number> => {
      const stats = await fleet.client.info('errorstats');
      return Number(/errorstat_WRONGTYPE:count=(\d+)/.exec(stats)?.[1] ?? 0);
    };
    const before = await errorsSoFar();
    const since = performance.now();
    await waitFor(() => performance.now() - since > 3_000, { what: 'three seconds' });
    expect((await errorsSoFar()) - before).toBeLessThan(100);
    await fleet.client.del(wait);
    expect(await settles(fleet.flame.call(tasks.echo, 3), { what: 'a call afterwards' })).toBe(3);
  },
);
