/** What operators order of single runners, carried out by the loop on the model. */
import { expect, test } from 'vitest';
import { type Story, startStory } from './model/drive.ts';
import { POOL } from './model/world.ts';

const first = (story: Story): string => {
  const [record] = story.records();
  if (record === undefined) throw new Error('there is no runner');
  return record.runnerId;
};
const recordOf = (story: Story, runnerId: string) => story.records().find((record) => record.runnerId === runnerId);
const orders = (story: Story): number => story.world.memory.pool(POOL).orders.size;

test('P25 a managed runner that an operator drains finishes its calls, ends without being blamed, and is replaced as the policy wants', async () => {
  const story = startStory(3, { min: 1 });
  const { world } = story;
  await story.pass(30);
  const runnerId = first(story);
  world.callMs = 40_000;
  world.enqueue(2);
  await story.pass(4);
  world.order(runnerId, 'drain');
  await story.pass(6);
  expect(recordOf(story, runnerId)).toMatchObject({
    state: 'draining',
    drain: { cause: 'operator', deadlineAt: null },
  });
  expect(recordOf(story, runnerId)?.drain?.reason).toBe('drained by model: order 1');
  expect(orders(story)).toBe(0);
  // Demand comes back, and yet the drain is not taken back: somebody meant it.
  world.enqueue(2);
  await story.pass(60);
  expect(recordOf(story, runnerId)).toBeUndefined();
  expect(world.violations).toEqual([]);
  expect(story.eventTypes()).not.toContain('runner.failed');
  expect(story.status()).toMatchObject({ ready: 1, breaker: { open: false, failures: 0 } });
});

test('an operator’s order to end a runner ends it whatever it executes, and protection does not stop it', async () => {
  const story = startStory(2, { min: 1 });
  const { world } = story;
  await story.pass(30);
  const runnerId = first(story);
  world.callMs = 1_000_000;
  world.enqueue(1);
  world.order(runnerId, 'protect');
  await story.pass(5);
  expect(recordOf(story, runnerId)?.protectedUntil).toBeGreaterThan(world.memory.now());
  world.order(runnerId, 'terminate');
  await story.pass(40);
  expect(recordOf(story, runnerId)).toBeUndefined();
  expect(orders(story)).toBe(0);
  const ended = world.memory.pool(POOL).events.find(({ details }) => details?.grounds === 'forced');
  expect(ended).toMatchObject({ type: 'runner.ended', runnerId, reason: 'ended by model: order 2' });
  expect(story.eventTypes()).not.toContain('runner.failed');
  expect(world.violations).toEqual([]);
});

test('I3 a protected runner outlives idleness and a lower max; unprotected or after its time it goes', async () => {
  const story = startStory(2, { min: 0 });
  const { world } = story;
  world.enqueue(1);
  await story.pass(12);
  const runnerId = first(story);
  world.order(runnerId, 'protect');
  await story.pass(50);
  expect(recordOf(story, runnerId)?.state).toBe('ready');
  expect(orders(story)).toBe(0);
  expect(story.eventTypes()).toContain('runner.protected');
  // Its minute is over: 20 s of idleness are enough now.
  await story.pass(40);
  expect(recordOf(story, runnerId)).toBeUndefined();

  world.enqueue(1);
  await story.pass(12);
  const second = first(story);
  world.order(second, 'protect');
  world.memory.pool(POOL).settings.set('max', '0');
  await story.pass(30);
  expect(recordOf(story, second)?.state).toBe('ready');
  world.order(second, 'unprotect');
  await story.pass(35);
  expect(recordOf(story, second)).toBeUndefined();
  expect(world.violations).toEqual([]);
});

test('an order survives its leader, is carried out once, and one for a runner that is gone is dropped', async () => {
  const story = startStory(2, { min: 1 });
  const { world } = story;
  await story.pass(30);
  const runnerId = first(story);
  world.order(runnerId, 'drain');
  world.order('work-aaaaaa-gggggggggggg', 'drain');
  story.actor.gate.dieAt(4, 'before');
  await story.pass(2);
  story.replaceActor();
  await story.pass(60);
  expect(recordOf(story, runnerId)).toBeUndefined();
  expect(orders(story)).toBe(0);
  const drains = world.memory
    .pool(POOL)
    .events.filter((event) => event.runnerId === runnerId && event.type === 'runner.draining');
  expect(drains.length).toBeLessThanOrEqual(1);
  expect(world.violations).toEqual([]);
});

test('a booting runner that is told to drain ends as soon as it is up, or at its boot timeout, and did not fail', async () => {
  const story = startStory(1, { min: 1 });
  const { world } = story;
  world.nextBoot = { bootMs: 15_000, broken: false };
  await story.pass(5);
  const slow = first(story);
  world.order(slow, 'drain');
  await story.pass(30);
  expect(recordOf(story, slow)).toBeUndefined();
  world.nextBoot = { bootMs: 1_000, broken: true };
  world.order(first(story), 'terminate');
  await story.pass(10);
  const broken = first(story);
  world.order(broken, 'drain');
  world.nextBoot = { bootMs: 1_000, broken: false };
  await story.pass(100);
  expect(recordOf(story, broken)).toBeUndefined();
  expect(story.eventTypes()).not.toContain('runner.failed');
  expect(world.violations).toEqual([]);
});
