import { expect, test } from 'vitest';
import { CORE } from '../src/core.ts';
import type { FullPoolStatus } from '../src/pool-status.ts';
import { createActor, type Sabotage } from './model/controllers.ts';
import { createWorld, POOL } from './model/world.ts';

const HOUR = 3_600_000;
const STEP = 10_000;

/** A day with calls that wait and machines that come up but never register. */
const brokenDay = async (sabotage: Sabotage, hours: number) => {
  const world = createWorld({ max: 4 });
  world.nextBoot = { bootMs: 1_000, broken: true };
  world.enqueue(20);
  const actor = createActor(world, CORE, sabotage);
  const launches: number[] = [];
  for (let hour = 0; hour < hours; hour += 1) {
    const before = world.backend.calls.launch;
    for (let ms = 0; ms < HOUR; ms += STEP) {
      actor.tick();
      await world.clock.advance(STEP);
      world.step();
    }
    launches.push(world.backend.calls.launch - before);
  }
  const status = JSON.parse(world.memory.statuses.get(POOL) ?? '{}') as FullPoolStatus;
  return { world, actor, launches, status };
};

test('P24 a broken image for a simulated day: a handful of launches an hour, the breaker and its reason are shown', async () => {
  const { world, launches, status } = await brokenDay({}, 24);
  expect(launches[0]).toBeLessThanOrEqual(20);
  for (const hourly of launches.slice(1)) expect(hourly).toBeLessThanOrEqual(6);
  expect(status.breaker.open).toBe(true);
  expect(status.bootFailure).toMatch(/did not become ready within 60000 ms/);
  expect(status.blocked).toMatch(/runners keep failing to boot \(\d+ times\)/);
  // P25: what never registered has been ended, all of it.
  expect(world.backend.living().length).toBeLessThanOrEqual(1);
  expect(world.violations).toEqual([]);
}, 300_000);

test('P24 the breaker outlives its leader: a crash loop of controllers launches no more', async () => {
  const { world, launches } = await brokenDay({}, 2);
  const before = world.backend.calls.launch;
  for (let life = 0; life < 20; life += 1) {
    // Each new one waits for the dead one's lease, leads for a while and dies.
    const actor = createActor(world, CORE, {});
    for (let ms = 0; ms < 60_000; ms += 1_000) {
      actor.tick();
      await world.clock.advance(1_000);
      world.step();
    }
    actor.gate.dieAt(0, 'before');
  }
  expect(launches[1]).toBeLessThanOrEqual(7);
  expect(world.backend.calls.launch - before).toBeLessThanOrEqual(4);
}, 300_000);

test('P24 without the breaker the same image is launched hundreds of times', async () => {
  const { launches } = await brokenDay({ core: { allowance: () => Number.POSITIVE_INFINITY } }, 2);
  expect(launches[1]).toBeGreaterThan(100);
}, 300_000);

test('P24 an image that is repaired is noticed by a probe, and the backlog is served', async () => {
  const { world, actor } = await brokenDay({}, 1);
  world.nextBoot = { bootMs: 5_000, broken: false };
  for (let ms = 0; ms < 20 * 60_000; ms += 1_000) {
    actor.tick();
    await world.clock.advance(1_000);
    world.step();
  }
  expect(world.pending()).toBe(0);
  const events = world.memory.pool(POOL).events.map(({ type }) => type);
  expect(events).toContain('breaker.opened');
  expect(events).toContain('breaker.closed');
}, 300_000);
