/** Runners that die, freeze and are replaced under load (fault-testing.md 5.1). */
import { connect, createHousekeeping, disconnect, LOCK_MS, STALLED_CHECK_MS } from '@flamejs/protocol';
import { afterEach, expect, test } from 'vitest';
import { tasks } from '../support/fleet.ts';
import { bySize } from '../support/tier.ts';
import { settles, waitFor } from '../support/wait-for.ts';
import { type Chaos, expectClean, heldBy, pause, rejections, startChaos, waitsOf } from './harness.ts';
import { keepHouse } from './keep-house.ts';

const groupByCall = <T extends { readonly callId: string }>(items: readonly T[]): ReadonlyMap<string, readonly T[]> => {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(item.callId, [...(groups.get(item.callId) ?? []), item]);
  return groups;
};

const percentile = (values: readonly number[], p: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) * p)] ?? Number.NaN;

const pools = { main: { max: 4, maxConcurrency: 10, timeout: '30s' } } as const;
let chaos: Chaos;
afterEach(() => chaos.stop());

interface KillLoad {
  readonly calls: number;
  readonly slots: number;
  /** Settings of the pool beside those of every run. */
  readonly pool?: Readonly<Record<string, unknown>>;
}

/** Makes the calls while one runner after the other is SIGKILLed, each second one, and replaced at once. */
const runUnderKills = async (row: string, { calls, slots, pool = {} }: KillLoad): Promise<void> => {
  chaos = await startChaos({ pools: { main: { ...pools.main, maxConcurrency: slots, ...pool } } });
  // As in a real fleet, where runners that live for seconds are not the only ones who look for stalled calls.
  const keeper = keepHouse(chaos.fleet);
  await chaos.startRunners(4);
  const startedAt = performance.now();
  let kills = 0;
  const verdict = await chaos.run({ calls, inFlight: 100, work: [50, 150] }, async (stop) => {
    while (!stop.aborted) {
      await pause(1_000, stop);
      if (stop.aborted) return;
      await chaos.killRunner(kills % chaos.runners.length);
      kills += 1;
    }
  });
  keeper.stop();
  // Times are reported, not demanded: they say as much about the machine.
  const wallMs = Math.round(performance.now() - startedAt);
  const { succeeded, restarted, completedTwice } = verdict;
  const figures = {
    calls,
    succeeded,
    kills,
    restarted,
    completedTwice,
    wallMs,
    p99Ms: percentile(waitsOf(chaos), 0.99),
  };
  process.stderr.write(`${row} ${JSON.stringify(figures)}\n`);
  expectClean(verdict, chaos.seed, calls);
  expect(verdict.rejected).toEqual([]);
  expect(succeeded).toBe(calls);
  expect(kills).toBeGreaterThan(0);
  // Every kill can make each of the runner's slots start again, and no more.
  expect(restarted).toBeLessThanOrEqual(kills * slots);
};

test(
  'AW-14 R-01 P12 F11 a runner SIGKILLed every second loses, hangs, rejects and doubles no call',
  {
    timeout: bySize({ push: 300_000, nightly: 1_800_000 }),
  },
  () => runUnderKills('R-01', { calls: bySize({ push: 1_000, nightly: 10_000 }), slots: 2 }),
);

test(
  'R-02 the same with a fresh process for each call',
  {
    timeout: bySize({ push: 300_000, nightly: 1_800_000 }),
  },
  () =>
    runUnderKills('R-02', { calls: bySize({ push: 60, nightly: 1_500 }), slots: 2, pool: { maxCallsPerExecutor: 1 } }),
);

test('R-04 P13 a runner frozen past its locks and continued commits nothing stale', { timeout: 200_000 }, async () => {
  chaos = await startChaos({ pools });
  await chaos.startRunners(2);
  const calls = bySize({ push: 600, nightly: 2_000 });
  const verdict = await chaos.run({ calls, inFlight: 100, work: [50, 150] }, async (stop) => {
    await pause(1_000, stop);
    const frozen = chaos.runners[0];
    if (frozen === undefined) return;
    const fault = chaos.note('freeze', [frozen]);
    frozen.process.signal('SIGSTOP');
    await pause(8_000, stop);
    frozen.process.signal('SIGCONT');
    fault.over();
    await pause(500, stop);
  });
  expectClean(verdict, chaos.seed, calls);
  expect(verdict.rejected).toEqual([]);
});

test('R-07 RI-02 RI-15 TK-08 a call that kills its runner each time ends by itself; its neighbours are not harmed', {
  timeout: 300_000,
}, async () => {
  chaos = await startChaos({ pools });
  await chaos.startRunners(2);
  const { fleet } = chaos;
  const connection = connect({ kind: 'single', url: fleet.redis.url, options: {} }, 'steady', 'test');
  connection.on('error', () => undefined);
  const house = createHousekeeping(connection, fleet.keys(), 'main');
  const calls = bySize({ push: 150, nightly: 200 });
  let deaths = 0;
  let pill: Promise<unknown> | undefined;
  const verdict = await chaos.run({ calls, inFlight: 12, work: [200, 600] }, async () => {
    const fault = chaos.note('poison');
    pill = fleet.flame.call(tasks.poison, '/dev/null').catch((e: unknown) => e);
    let ended = false;
    void pill.then(() => {
      ended = true;
    });
    // What an autoscaler does: it takes back what the dead held, and starts others.
    while (!ended) {
      for (const [index, runner] of chaos.runners.entries()) {
        if (runner.process.alive()) continue;
        deaths += 1;
        await house.releaseRunner(runner.runnerId);
        chaos.runners[index] = await fleet.runner();
      }
      await pause(50, new AbortController().signal);
    }
    fault.over();
  });
  disconnect(connection);
  expect(await pill).toMatchObject({ name: 'FlameRunnerLostError' });
  expect(deaths).toBeGreaterThan(3);
  expect(deaths).toBeLessThanOrEqual(12);
  expectClean(verdict, chaos.seed, calls);
  expect(verdict.rejected).toEqual([]);
  // From its third loss on it ran alone, so no neighbour was interrupted by a later one. (Attempts also count hand-backs.)
  // One start more may be the price of a lock that was renewed late, on a machine that is starved of processor time.
  for (const effects of groupByCall(chaos.effects).values()) {
    expect(effects.filter(({ type }) => type === 'start').length).toBeLessThanOrEqual(5);
  }
});

test('ME-08 ME-12 one of three runners runs out of memory: its calls run elsewhere once its locks are over, the pool serves on', {
  timeout: 200_000,
}, async () => {
  const slots = 2;
  chaos = await startChaos({ pools: { main: { ...pools.main, maxConcurrency: slots } } });
  const { fleet } = chaos;
  const preload = new URL('../fixtures/out-of-memory.mjs', import.meta.url);
  await chaos.startRunners(3, { NODE_OPTIONS: `--max-old-space-size=64 --import ${preload}` });
  const calls = bySize({ push: 60, nightly: 600 });
  let diedAt = 0;
  const verdict = await chaos.run({ calls, inFlight: 30, work: [200, 500] }, async (stop) => {
    await pause(500, stop);
    const [victim] = chaos.runners;
    if (victim === undefined) return;
    // What it has in hand then stays so: it does nothing else any more.
    await waitFor(async () => (await heldBy(fleet, victim.runnerId)).length > 0, { what: 'calls of the victim' });
    chaos.note('out of memory', [victim]);
    victim.process.signal('SIGUSR2');
    const { signal } = await settles(victim.process.exited, { what: 'the heap to be full' });
    diedAt = Date.now();
    expect(signal).toBe('SIGABRT');
    expect(victim.process.output()).toMatch(/heap out of memory/);
  });
  expectClean(verdict, chaos.seed, calls);
  expect(verdict.rejected).toEqual([]);
  expect(verdict.succeeded).toBe(calls);
  expect(verdict.restarted).toBeGreaterThan(0);
  expect(verdict.restarted).toBeLessThanOrEqual(slots);
  for (const effects of groupByCall(chaos.effects).values()) {
    const [, second] = effects.filter(({ type }) => type === 'start');
    // The last is slack, for a busy machine.
    if (second !== undefined) expect(second.at - diedAt).toBeLessThan(LOCK_MS + STALLED_CHECK_MS + 1_000 + 30_000);
  }
  // Neither the pool nor its callers have noticed any more of it.
  expect(await fleet.flame.call(tasks.echo, 'still here')).toBe('still here');
});

test('R-32 TK-03 TK-18 calls past their timeout are dead before their retry begins', { timeout: 200_000 }, async () => {
  chaos = await startChaos({ pools });
  await chaos.startRunners(1);
  const calls = bySize({ push: 16, nightly: 200 });
  // It does not look at its signal, so that it has to be killed.
  const options = { timeout: 300, retries: 1 };
  const verdict = await chaos.run({ calls, inFlight: 10, work: [20_000, 20_001], options });
  for (const error of rejections(chaos)) expect(error).toMatchObject({ name: 'FlameTimeoutError' });
  expect(verdict.rejected).toHaveLength(calls);
  expect(verdict.unsettled).toEqual([]);
  expect(chaos.effects.filter(({ type }) => type === 'end')).toEqual([]);
  const starts = groupByCall(chaos.effects);
  for (const [first, second, ...more] of starts.values()) {
    expect(more).toEqual([]);
    // Killed after its timeout and its grace, and only then begun again, in another process.
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(300);
    expect(second?.pid).not.toBe(first?.pid);
  }
});

test('R-33 results around the timeout: each call has one outcome, in the ledger and in Redis', {
  timeout: 200_000,
}, async () => {
  chaos = await startChaos({ pools });
  await chaos.startRunners(1);
  const calls = bySize({ push: 120, nightly: 500 });
  const verdict = await chaos.run({ calls, inFlight: 10, work: [190, 211], options: { timeout: 200 } });
  expectClean(verdict, chaos.seed, calls);
  for (const error of rejections(chaos)) expect(error).toMatchObject({ name: 'FlameTimeoutError' });
  const stored = new Map(chaos.commits.map(({ callId, ok }) => [callId, ok]));
  const idOf = new Map(chaos.effects.map(({ key, callId }) => [key, callId]));
  for (const entry of chaos.ledger) {
    if (entry.type === 'settle') expect(stored.get(idOf.get(entry.key) ?? '')).toBe(entry.ok);
  }
});

test('R-34 SD-03 SD-12 SD-16 a rolling deploy by SIGTERM under load loses nothing, repeats nothing and costs no attempt', {
  timeout: 300_000,
}, async () => {
  chaos = await startChaos({ pools: { main: { ...pools.main, shutdownTimeout: '20s' } } });
  await chaos.startRunners(2);
  const calls = bySize({ push: 300, nightly: 2_000 });
  // Nothing is written down as a fault: a deploy explains no further execution.
  const verdict = await chaos.run({ calls, inFlight: 40, work: [100, 1_500] }, async (stop) => {
    for (let round = 0; round < bySize({ push: 1, nightly: 3 }) && !stop.aborted; round += 1) {
      for (const [index, old] of [...chaos.runners].entries()) {
        chaos.runners[index] = await chaos.fleet.runner();
        old.process.signal('SIGTERM');
        const { code } = await settles(old.process.exited, { what: 'a drained runner to end', timeoutMs: 60_000 });
        expect(code).toBe(0);
      }
    }
  });
  expectClean(verdict, chaos.seed, calls);
  expect(verdict.rejected).toEqual([]);
  expect(verdict.restarted).toBe(0);
});
