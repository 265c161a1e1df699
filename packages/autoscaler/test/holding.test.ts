import { expect, test } from 'vitest';
import { CORE } from '../src/core.ts';
import { createActor } from './model/controllers.ts';
import { startStory } from './model/drive.ts';
import { POOL } from './model/world.ts';

test('P23 an unreachable provider means hold: nothing is launched, nothing drained, and it is said', async () => {
  const story = startStory();
  const { world } = story;
  await story.pass(40);
  expect(story.states()).toEqual(['ready']);
  world.backend.faults.list = 'fails';
  world.callMs = 60_000;
  world.enqueue(20);
  await story.pass(120);
  expect(story.states()).toEqual(['ready']);
  expect(world.backend.calls.launch).toBe(1);
  expect(story.status().blocked).toBe("the provider's list cannot be read: model: cannot be listed");
  world.backend.faults.list = 'none';
  await story.pass(10 * 60);
  expect(world.pending()).toBe(0);
});

test('P23 an unreadable queue means hold, never zero: runners are neither drained nor lost, however long it takes', async () => {
  const story = startStory();
  const { world } = story;
  world.callMs = 1_000_000;
  world.enqueue(6);
  await story.pass(60);
  expect(story.states()).toEqual(['ready', 'ready', 'ready']);
  const before = story.eventTypes().length;
  story.actor.gate.failing = true;
  await story.pass(600);
  story.actor.gate.failing = false;
  await story.pass(60);
  expect(story.states()).toEqual(['ready', 'ready', 'ready']);
  expect(
    story
      .eventTypes()
      .slice(before)
      .filter((type) => type !== 'leader.elected'),
  ).toEqual([]);
  expect(world.backend.calls.terminate).toBe(0);
});

test('P23 after an outage of Redis longer than every timeout nobody is taken for lost', async () => {
  const story = startStory();
  const { world } = story;
  await story.pass(30);
  // The runners cannot beat either.
  const agents = [...world.agents.values()];
  for (const agent of agents) agent.beatAt = Number.POSITIVE_INFINITY;
  story.actor.gate.failing = true;
  await story.pass(300);
  story.actor.gate.failing = false;
  await story.pass(5);
  for (const agent of agents) agent.beatAt = 0;
  await story.pass(60);
  expect(story.eventTypes()).not.toContain('runner.lost');
  expect(story.states()).toEqual(['ready']);
});

test('I10 a clock that jumps makes nobody lost and no boot late', async () => {
  const story = startStory();
  const { world } = story;
  world.nextBoot = { bootMs: 20_000, broken: false };
  await story.pass(5);
  for (const jump of [600_000, -1_200_000, 3_600_000]) {
    world.jumpRedisClock(jump);
    await story.pass(30);
  }
  expect(story.states()).toEqual(['ready']);
  expect(story.eventTypes()).not.toContain('runner.lost');
  expect(story.eventTypes()).not.toContain('runner.failed');
});

test('P25 AS-17 an instance that registers late is ended all the same, and is no capacity meanwhile', async () => {
  const story = startStory(1);
  const { world } = story;
  world.nextBoot = { bootMs: 75_000, broken: false };
  world.backend.faults.terminate = 'slow';
  await story.pass(70);
  expect(story.states()).toEqual(['terminating']);
  expect(story.status()).toMatchObject({ useful: 0, physical: 1 });
  world.nextBoot = { bootMs: 1_000, broken: false };
  await story.pass(60);
  expect(world.backend.living()).toHaveLength(1);
  expect(story.states()).toEqual(['ready']);
});

test('P25 one that registers while it cannot be ended is drained before it is: it may hold calls', async () => {
  const story = startStory(1);
  const { world } = story;
  world.nextBoot = { bootMs: 75_000, broken: false };
  world.backend.faults.terminate = 'fails';
  world.callMs = 30_000;
  world.enqueue(2);
  await story.pass(85);
  expect(story.records()[0]).toMatchObject({ state: 'draining', drain: { cause: 'late' } });
  expect(story.status()).toMatchObject({ useful: 0, physical: 1 });
  world.backend.faults.terminate = 'none';
  world.nextBoot = { bootMs: 1_000, broken: false };
  await story.pass(90);
  expect(world.violations).toEqual([]);
  expect(story.eventTypes()).toContain('runner.drained');
  expect(story.states()).toEqual(['ready']);
});

test('P25 an instance that vanishes without a word is replaced, and its calls run elsewhere', async () => {
  const story = startStory(2);
  const { world } = story;
  await story.pass(30);
  world.callMs = 30_000;
  world.enqueue(1);
  await story.pass(3);
  const [machine] = world.backend.living();
  if (machine !== undefined) world.backend.end(machine);
  await story.pass(120);
  expect(story.eventTypes()).toContain('runner.lost');
  expect(world.pending()).toBe(0);
  expect(story.states()).toEqual(['ready']);
});

test('P25 AS-03 an instance that cannot be terminated is tried for ever, counted against max, and reported after a while', async () => {
  const story = startStory(1);
  const { world } = story;
  world.nextBoot = { bootMs: 1_000, broken: true };
  world.backend.faults.terminate = 'ignored';
  await story.pass(20 * 60);
  expect(world.backend.calls.terminate).toBeGreaterThan(5);
  expect(world.backend.calls.launch).toBe(1);
  expect(story.status()).toMatchObject({ physical: 1, useful: 0 });
  const stuck = world.memory.pool(POOL).events.filter(({ details }) => details?.stuck === true);
  expect(stuck).toHaveLength(1);
  world.backend.faults.terminate = 'none';
  world.nextBoot = { bootMs: 1_000, broken: false };
  await story.pass(15 * 60);
  expect(story.states()).toEqual(['ready']);
  expect(world.violations).toEqual([]);
});

test('I5 AS-02 AS-12 an own instance without a record is kept when a runner answers from it, and ended when none does', async () => {
  const story = startStory(3);
  const { world } = story;
  world.enqueue(4);
  world.callMs = 1_000_000;
  await story.pass(40);
  expect(story.states()).toEqual(['ready', 'ready']);
  // Redis has lost the records: what exists is found again.
  const [first] = story.records();
  world.memory.intents.clear();
  const agent = [...world.agents.values()].find(({ machine }) => machine.runnerId === first?.runnerId);
  if (agent !== undefined) Object.assign(agent, { frozenAt: world.clock.mono() });
  world.memory.pool(POOL).agents.delete(first?.runnerId ?? '');
  await story.pass(120);
  const adopted = world.memory.pool(POOL).events.filter(({ type }) => type === 'runner.adopted');
  expect(adopted.map(({ details }) => details?.as).sort()).toEqual(['orphan', 'runner']);
  expect(world.violations).toEqual([]);
  expect(world.backend.living().length).toBe(story.records().length);
});

test('I8 instances of another deployment are never touched, even with the same label', async () => {
  const story = startStory();
  await story.pass(300);
  expect(story.world.backend.machines.get('i-foreign')).toMatchObject({ terminateAskedAt: null, goneAt: null });
});

test('a pool that moves to another kind of backend: runners of the old one are judged by their heartbeats, not by a list that lacks them', async () => {
  const story = startStory(4, { min: 0 });
  const { world } = story;
  world.callMs = 900_000;
  world.enqueue(1);
  await story.pass(60);
  expect(story.states()).toEqual(['ready']);
  const [{ runnerId } = { runnerId: '' }] = story.records();
  const terminated: string[] = [];
  story.actor = createActor(
    world,
    CORE,
    {
      backend: (backend) => ({
        ...backend,
        name: 'another',
        list: async () => [],
        terminate: async (ids) => {
          terminated.push(...ids);
          return ids.map((id) => ({ id, ok: true }));
        },
      }),
    },
    { min: 0 },
  );
  await story.pass(600);
  expect(story.records().map((record) => [record.runnerId, record.state])).toEqual([[runnerId, 'ready']]);
  expect(story.eventTypes()).not.toContain('runner.lost');
  // Its call ends, it idles, is drained and ends by itself: nobody asks a provider for what another one has.
  await story.pass(3_600);
  expect(world.pending()).toBe(0);
  expect(story.states()).toEqual([]);
  expect(terminated).toEqual([]);
});
