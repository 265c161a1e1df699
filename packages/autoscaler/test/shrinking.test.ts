import { expect, test } from 'vitest';
import { startStory } from './model/drive.ts';
import { POOL } from './model/world.ts';

test('F35 AS-18 light load spread over many runners: the least active one is drained, never killed, until one is left', async () => {
  const story = startStory(4);
  const { world } = story;
  world.callMs = 1_000_000;
  world.enqueue(8);
  await story.pass(40);
  expect(story.states()).toEqual(['ready', 'ready', 'ready', 'ready']);
  // Each keeps one long call: nobody is ever idle, and four slots of eight are free.
  const agents = [...world.agents.values()];
  for (const agent of agents) agent.calls = agent.calls.slice(0, 1);
  await story.pass(30);
  const drains = () => world.memory.pool(POOL).events.filter(({ type }) => type === 'runner.draining');
  expect(drains()).toHaveLength(1);
  expect(drains()[0]?.details?.cause).toBe('scale-down');
  expect(story.records().find(({ state }) => state === 'draining')?.drain?.deadlineAt).toBeNull();
  // It waits for its call for as long as it takes.
  await story.pass(300);
  expect(story.states()).toContain('draining');
  expect(world.backend.calls.terminate).toBe(0);
  for (const agent of agents) if (agent.state === 'draining') agent.calls = [];
  await story.pass(60);
  expect(world.violations).toEqual([]);
  expect(story.eventTypes()).toContain('runner.drained');
});

test('demand that returns takes a drain back instead of launching', async () => {
  const story = startStory(2);
  const { world } = story;
  world.callMs = 1_000_000;
  world.enqueue(3);
  await story.pass(30);
  const [first, second] = [...world.agents.values()];
  if (first === undefined || second === undefined) throw new Error('two runners are expected');
  // One call each: one runner would do, and neither is idle.
  first.calls = first.calls.slice(0, 1);
  second.calls = second.calls.slice(0, 1);
  await story.pass(45);
  expect(story.states()).toEqual(['draining', 'ready']);
  world.enqueue(3);
  await story.pass(10);
  expect(story.states()).toEqual(['ready', 'ready']);
  expect(world.backend.calls.launch).toBe(2);
  expect([first.state, second.state]).toEqual(['ready', 'ready']);
});

test('a short lull ends nobody: the largest wish of the window counts', async () => {
  const story = startStory(4);
  const { world } = story;
  for (let burst = 0; burst < 10; burst += 1) {
    world.enqueue(8);
    await story.pass(18);
  }
  expect(story.eventTypes()).not.toContain('runner.draining');
  expect(world.backend.calls.launch).toBe(4);
});

test('a new release rolls the runners over: a canary first, then one after the other, always with capacity', async () => {
  const story = startStory(4);
  const { world } = story;
  world.callMs = 1_000_000;
  world.enqueue(4);
  await story.pass(40);
  const old = story.records().map(({ runnerId }) => runnerId);
  // The same records, as if an older version of the app had launched them.
  for (const record of story.records()) {
    world.memory.intents.set(record.runnerId, JSON.stringify({ ...record, release: 'r0' }));
  }
  for (const agent of world.agents.values()) agent.calls = agent.calls.map(() => world.clock.mono() + 60_000);
  world.callMs = 60_000;
  for (let i = 0; i < 40; i += 1) {
    world.enqueue(1);
    await story.pass(15);
    expect(story.states().filter((state) => state === 'ready').length).toBeGreaterThanOrEqual(1);
  }
  const events = world.memory.pool(POOL).events;
  const drift = events.filter(({ details }) => details?.cause === 'drift');
  expect(drift.length).toBeGreaterThanOrEqual(1);
  // No old one was drained before a new one was ready.
  const canaryAt =
    events.find(({ type, runnerId }) => type === 'runner.ready' && !old.includes(runnerId ?? ''))?.at ?? 0;
  expect(drift[0]?.at).toBeGreaterThanOrEqual(canaryAt);
  expect(story.records().every(({ release }) => release === 'r1')).toBe(true);
  expect(world.violations).toEqual([]);
});

test('F17 a single-use runner that ends by itself after its call is replaced for as long as min wants it', async () => {
  const story = startStory(3, { singleUse: true, min: 2 });
  const { world } = story;
  await story.pass(30);
  expect(story.states()).toEqual(['ready', 'ready']);
  const [used] = [...world.agents.values()];
  const record = world.memory.pool(POOL).agents.get(used?.machine.runnerId ?? '');
  if (used === undefined || record === undefined) throw new Error('a runner is expected');
  used.state = 'ended';
  world.memory.pool(POOL).agents.set(record.runnerId, { ...record, state: 'ended', reason: 'single-use' });
  world.memory.pool(POOL).index.delete(record.runnerId);
  world.backend.end(used.machine);
  await story.pass(60);
  expect(story.states()).toEqual(['ready', 'ready']);
  expect(world.backend.calls.launch).toBe(3);
  expect(world.memory.pool(POOL).events.find(({ type }) => type === 'runner.ended')?.reason).toBe('single-use');
});

test('dry run: it prints the plan of a first tick and makes no call that changes anything', async () => {
  const story = startStory(4);
  const { world } = story;
  world.enqueue(5);
  await story.pass(0);
  const plans = await story.actor.controller.dryRun();
  expect(plans[POOL]?.actions).toMatchObject([{ kind: 'launch', count: 3 }]);
  expect(world.backend.calls).toMatchObject({ launch: 0, terminate: 0 });
  expect(world.memory.intents.size).toBe(0);
  expect(world.memory.pool(POOL)).toMatchObject({ events: [], history: [], epoch: 0 });
  // I12: asked again of the same world, it says the same.
  expect(await story.actor.controller.dryRun()).toEqual(plans);
});
