/** What users of other autoscalers reported, as stories on the model. */
import { expect, test } from 'vitest';
import { startStory } from './model/drive.ts';
import { POOL } from './model/world.ts';

test('AS-04 fifty runners that are killed at once are no capacity any more, and leave no registration behind', async () => {
  const story = startStory(50, { min: 50 });
  const { world } = story;
  await story.pass(120);
  expect(story.status().ready).toBe(50);
  const dead = new Set(story.records().map(({ runnerId }) => runnerId));
  for (const machine of world.backend.living()) world.backend.end(machine);
  // Lost after 20 s of silence, and gone once the list says so twice; never counted longer than that.
  await story.pass(40);
  const { index } = world.memory.pool(POOL);
  expect(story.records().filter(({ state, runnerId }) => state === 'ready' && dead.has(runnerId))).toEqual([]);
  await story.pass(120);
  expect([...index].filter((id) => dead.has(id))).toEqual([]);
  expect(story.status()).toMatchObject({ ready: 50, physical: 50 });
  expect(world.violations).toEqual([]);
});

test('AS-06 the first boot begins within two ticks, and no booting runner is let go while work waits, whoever crashes', async () => {
  const story = startStory(3, { min: 0 });
  const { world } = story;
  world.nextBoot = { bootMs: 50_000, broken: false };
  world.callMs = 10_000;
  await story.pass(30);
  world.enqueue(12);
  await story.pass((2 * world.backend.defaults.tickMs) / 1_000);
  expect(story.records().length).toBe(3);
  const first = new Set(story.records().map(({ runnerId }) => runnerId));
  // The controller dies at every second operation of its life, again and again, until the boots are through.
  for (let life = 0; life < 6; life += 1) {
    story.actor.gate.dieAt(2 * life, life % 2 === 0 ? 'before' : 'after');
    await story.pass(3);
    story.replaceActor();
    await story.pass(3);
  }
  await story.pass(30);
  expect(new Set(story.records().map(({ runnerId }) => runnerId))).toEqual(first);
  expect(story.states()).toEqual(['ready', 'ready', 'ready']);
  await story.pass(90);
  expect(world.pending()).toBe(0);
  expect(world.backend.calls.launch).toBe(3);
  expect(world.violations).toEqual([]);
});

test('AS-10 an idle runner that takes calls meant for a new one leaves none without capacity: what is missing comes at the next tick', async () => {
  const story = startStory(6, { min: 1 });
  const { world } = story;
  world.callMs = 1_000_000;
  await story.pass(30);
  expect(story.states()).toEqual(['ready']);
  // Two slots are idle; of seven calls it takes two, and five need three more runners.
  world.enqueue(7);
  await story.pass(60);
  expect(story.states()).toEqual(['ready', 'ready', 'ready', 'ready']);
  // It is ended from outside: its two calls wait again, and the others have one slot free.
  const [victim] = world.backend.living();
  if (victim !== undefined) world.backend.end(victim);
  await story.pass(150);
  expect(story.status().ready).toBe(4);
  expect(world.memory.pool(POOL).queue.waiting).toBe(0);
});

test('AS-16 a provider that refuses every launch is asked a handful of times in half an hour, and the reason is shown', async () => {
  const story = startStory(4, { min: 2 });
  const { world } = story;
  world.backend.faults.launch = 'auth';
  world.enqueue(20);
  await story.pass(1_800);
  const first = world.backend.calls.launch;
  expect(first).toBeLessThanOrEqual(20);
  await story.pass(1_800);
  expect(world.backend.calls.launch - first).toBeLessThanOrEqual(6);
  expect(story.status()).toMatchObject({ breaker: { open: true }, bootFailure: 'model: auth', physical: 0 });
  world.backend.faults.launch = 'none';
  await story.pass(1_200);
  expect(story.status()).toMatchObject({ breaker: { open: false } });
  expect(world.pending()).toBe(0);
});
