/** A pool with external(): the number that a platform is told, and what becomes of its runners. */
import type { RankedRunner } from '@flamejs/queue';
import { describe, expect, test } from 'vitest';
import { external } from '../../src/backends/external/index.ts';
import { seeded } from '../../src/simulator/random.ts';
import { ecs, hpa, keda } from './platforms.ts';
import { createPlatformWorld, type PlatformWorld } from './world.ts';

const started = async (world: PlatformWorld, runners: number): Promise<void> => {
  for (let i = 0; i < runners; i += 1) world.start();
  await world.pass(12);
};
const parked = (world: PlatformWorld): number =>
  [...world.containers.values()].filter(({ state }) => state === 'drained').length;

describe('EX-01 the number', () => {
  test('follows the calls, and stays within min and max', async () => {
    const world = createPlatformWorld({ max: 3, min: 1 });
    await world.pass(8);
    expect(world.ask()).toMatchObject({ known: true, wanted: 1 });
    world.enqueue(100);
    await world.pass(3);
    expect(world.ask()).toMatchObject({ wanted: 3 });
    expect(world.status()).toMatchObject({ wanted: 3, backend: 'external' });
  });

  test('does not fall below what is busy, nor below what was wanted within the window', async () => {
    const world = createPlatformWorld();
    world.callMs = 40_000;
    await started(world, 4);
    world.enqueue(8);
    await world.pass(30);
    expect(world.ask()).toMatchObject({ wanted: 4 });
    // All have ended; the runners stay for idleShutdownAfter.
    await world.pass(40);
    expect(world.pending()).toBe(0);
    expect(world.ask()).toMatchObject({ wanted: 4 });
    await world.pass(80);
    expect(world.ask()).toMatchObject({ wanted: 0 });
  });

  test('does not fall below the runners that are busy, however little each of them has to do', async () => {
    const world = createPlatformWorld();
    await started(world, 4);
    let taken = 0;
    Object.defineProperty(world, 'callMs', { get: () => (taken++ % 2 === 0 ? 2_000 : 500_000) });
    world.enqueue(8);
    // One call is left on each runner: two runners would have room for all of them.
    await world.pass(200);
    expect(world.status().desired).toBe(2);
    expect(world.living().map(({ calls }) => calls.length)).toEqual([1, 1, 1, 1]);
    expect(world.ask()).toMatchObject({ wanted: 4 });
  });

  test('is not raised by what the platform starts beyond it', async () => {
    const world = createPlatformWorld({ max: 20 });
    await world.pass(70);
    await started(world, 9);
    await world.pass(10);
    expect(world.ask()).toMatchObject({ wanted: 0 });
  });

  test('survives its leader: the next one falls below it only when it has seen a whole window', async () => {
    const world = createPlatformWorld();
    await world.pass(3);
    world.enqueue(8);
    await world.pass(3);
    expect(world.ask()).toMatchObject({ wanted: 4 });
    world.callMs = 1;
    await started(world, 1);
    world.memory.lease = null;
    world.replaceController();
    await world.pass(20);
    expect(world.pending()).toBe(0);
    expect(world.ask()).toMatchObject({ known: true, wanted: 4 });
  });
});

describe('EX-02 what is not known is an error, never 0', () => {
  test('before anybody has decided, without a leader, and 30 s after the last decision', async () => {
    const world = createPlatformWorld({ min: 2 });
    expect(world.ask()).toEqual({ known: false, why: 'no autoscaler leads' });
    await world.pass(8);
    expect(world.ask()).toMatchObject({ known: true, wanted: 2 });
    world.blind = true;
    await world.pass(28);
    expect(world.ask()).toMatchObject({ known: true });
    await world.pass(5);
    expect(world.ask()).toMatchObject({ known: false, why: expect.stringContaining('cannot be read') });
    world.blind = false;
    await world.pass(2);
    expect(world.ask()).toMatchObject({ known: true });
    world.headless = true;
    await world.pass(20);
    expect(world.ask()).toEqual({ known: false, why: 'no autoscaler leads' });
  });

  test('a Redis that has lost everything: nothing is said until the runners had time to register again', async () => {
    const world = createPlatformWorld();
    world.callMs = 300_000;
    await started(world, 2);
    world.enqueue(4);
    await world.pass(10);
    world.memory.statuses.clear();
    const pool = world.memory.pool('work');
    pool.agents.clear();
    pool.index.clear();
    pool.queue = { ...pool.queue, waiting: 0, active: 0 };
    world.replaceController();
    world.memory.lease = null;
    const told: number[] = [];
    await world.pass(30, () => {
      const answer = world.ask();
      if (answer.known) told.push(answer.wanted);
    });
    expect(told.length).toBeGreaterThan(0);
    expect(Math.min(...told)).toBe(2);
  });
});

describe('EX-03 parking', () => {
  test('who is not wanted is parked, stays, and is taken back when it is wanted again', async () => {
    const world = createPlatformWorld();
    await started(world, 3);
    await world.pass(90);
    expect(parked(world)).toBe(3);
    expect(world.living()).toHaveLength(3);
    expect(world.status().platform).toMatchObject({ wanted: 0, registered: 3, parked: 3 });
    world.enqueue(3);
    await world.pass(3);
    expect(world.pending() > 0 || world.calls.every(({ done }) => done)).toBe(true);
    await world.pass(10);
    expect(world.calls.every(({ done, attempts }) => done && attempts.length === 1)).toBe(true);
  });

  test('more than max take no calls', async () => {
    const world = createPlatformWorld({ max: 2 });
    await started(world, 5);
    world.enqueue(40);
    await world.pass(30);
    const serving = world.living().filter(({ state }) => state === 'ready');
    expect(serving.length).toBeLessThanOrEqual(2);
    expect(world.ask()).toMatchObject({ wanted: 2 });
  });

  test('an operator who drains a runner keeps it drained: only what we parked is taken back', async () => {
    const world = createPlatformWorld();
    await started(world, 1);
    const [only] = world.living();
    const agents = world.memory.pool('work').agents;
    const agent = agents.get(only?.runnerId ?? '');
    if (agent === undefined) throw new Error('no runner');
    agents.set(agent.runnerId, { ...agent, drain: 1, drainReason: 'an operator drains it' });
    await world.pass(5);
    world.enqueue(2);
    await world.pass(20);
    expect(only?.state).toBe('drained');
    expect(world.pending()).toBe(2);
    expect(world.ask()).toMatchObject({ wanted: 1 });
  });
});

test('EX-04 status says what the platform does not obey, and callers hear why nothing starts', async () => {
  const world = createPlatformWorld({ bootTimeoutMs: 60_000 });
  await world.pass(8);
  world.enqueue(4);
  await world.pass(30);
  expect(world.status().platform?.disobeys).toBeUndefined();
  await world.pass(60);
  const few = /the platform was told 2, and 0 runners have been ready for \d min: look at its events/;
  expect(world.status().platform?.disobeys).toMatch(few);
  expect(world.status().blocked).toMatch(few);
  await started(world, 2);
  await world.pass(5);
  expect(world.status().platform?.disobeys).toBeUndefined();
  expect(world.status().blocked).toBeUndefined();
  await started(world, 20);
  await world.pass(80);
  expect(world.status().platform?.disobeys).toMatch(/22 runners .* look at its minimum/);
  expect(world.status().blocked).toBeUndefined();
});

test('EX-04 what crashes while it boots is not there, however often it is started again', async () => {
  const world = createPlatformWorld({ bootTimeoutMs: 60_000, min: 2 });
  await world.pass(8);
  for (let crash = 0; crash < 20; crash += 1) {
    for (let n = world.living().length; n < 2; n += 1) world.start();
    await world.pass(4);
    for (const container of world.living()) world.kill(container);
    await world.pass(1);
  }
  expect(world.status().blocked).toMatch(/the platform was told 2, and 0 runners have been ready for \d min/);
});

test('EX-04 within 10 % it says what an HPA does there', async () => {
  const world = createPlatformWorld({ bootTimeoutMs: 60_000, min: 20, max: 20 });
  await started(world, 19);
  await world.pass(80);
  expect(world.status().platform?.disobeys).toMatch(
    /told 20, and 19 runners .* an HPA does nothing unless its tolerance is 0/,
  );
});

describe('EX-13 EX-15 what a platform does not ask for', () => {
  test('the number is told when it changes, each minute in case somebody else has changed it, and later when it failed', async () => {
    const told: number[] = [];
    let failing = 0;
    const push = async (wanted: number): Promise<void> => {
      failing -= 1;
      if (failing >= 0) throw new Error('throttled');
      told.push(wanted);
    };
    const world = createPlatformWorld({ backend: { ...external(), push }, min: 1 });
    await world.pass(10);
    expect(told).toEqual([1]);
    world.enqueue(8);
    await world.pass(3);
    expect(told).toEqual([1, 4]);
    await world.pass(62);
    expect(told).toEqual([1, 4, 4]);
    failing = 1;
    world.enqueue(4);
    await world.pass(5);
    expect(told).toEqual([1, 4, 4]);
    await world.pass(10);
    expect(told).toEqual([1, 4, 4, 6]);
    // What is not known is not told.
    world.blind = true;
    await world.pass(200);
    expect(told).toEqual([1, 4, 4, 6]);
  });

  test('busy ones rank above idle ones, and these above parked ones; a call that has just ended makes nobody idle', async () => {
    const ranked: (readonly RankedRunner[])[] = [];
    const rank = async (runners: readonly RankedRunner[]): Promise<void> => void ranked.push(runners);
    const world = createPlatformWorld({ backend: { ...external(), rank }, max: 6 });
    await started(world, 3);
    world.enqueue(1);
    await world.pass(8);
    const ranks = () => (ranked.at(-1) ?? []).map((each) => each.rank).sort();
    expect(world.pending()).toBe(0);
    expect(ranks()).toEqual(['busy', 'idle', 'idle']);
    await world.pass(40);
    expect(ranks()).toEqual(['busy', 'idle', 'idle']);
    await world.pass(120);
    expect(ranks()).toEqual(['parked', 'parked', 'parked']);
  });
});

describe.each([hpa, keda, ecs])('EX-05 under a platform that does as platforms do', (make) => {
  const seeds = Array.from({ length: 12 }, (_, seed) => seed + 1);
  test.each(seeds)(
    `${make.name} seed %i: nothing is lost, and whatever ran twice ran on a runner that was killed`,
    async (seed) => {
      const random = seeded(seed);
      const world = createPlatformWorld({ max: 1 + Math.floor(random() * 12), min: random() < 0.3 ? 1 : 0 });
      const platform = make(world);
      let blindFor = 0;
      let headlessFor = 0;
      const mischief = (): void => {
        platform.step();
        if (random() < 0.1) world.enqueue(Math.ceil(random() * 12));
        if (random() < 0.02) world.callMs = 1_000 + Math.floor(random() * 40_000);
        const living = world.living();
        const victim = living[Math.floor(random() * living.length)];
        const fate = random();
        if (victim !== undefined && fate < 0.06) (fate < 0.03 ? world.kill : world.stop)(victim);
        if (random() < 0.01) blindFor = 20 + Math.floor(random() * 40);
        if (random() < 0.01) headlessFor = 20 + Math.floor(random() * 40);
        if (random() < 0.01) world.replaceController();
        blindFor -= 1;
        headlessFor -= 1;
        world.blind = blindFor > 0;
        world.headless = headlessFor > 0;
      };
      await world.pass(400, mischief);
      world.blind = false;
      world.headless = false;
      world.callMs = 2_000;
      for (let i = 0; i < 20 && world.pending() > 0; i += 1) await world.pass(60, () => platform.step());

      expect(world.violations).toEqual([]);
      expect(world.calls.filter(({ done }) => !done)).toHaveLength(0);
      expect(world.calls.length).toBeGreaterThan(50);
      const unexplained = world.calls
        .flatMap(({ attempts }) => attempts.slice(0, -1))
        .filter((id) => !world.kills.has(id));
      expect(unexplained).toEqual([]);
    },
  );
});
