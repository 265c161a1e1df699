/** What must come about, rather than never happen: served demand, rest, and a bound whatever is asked for. */
import { expect, test } from 'vitest';
import { customPolicy } from '../src/policies/index.ts';
import { startStory } from './model/drive.ts';
import { POOL } from './model/world.ts';

test('I6 min is kept, and a pool with demand does not stay at zero, whatever ends its machines', async () => {
  const story = startStory(3, { min: 1 });
  const { world } = story;
  for (let round = 0; round < 8; round += 1) {
    await story.pass(30);
    expect(story.status().useful).toBeGreaterThanOrEqual(1);
    // All of them at once, some with calls inside: only the active list still knows of those.
    if (round % 2 === 0) world.enqueue(5);
    await story.pass(2);
    for (const machine of world.backend.living()) world.backend.end(machine);
  }
  await story.pass(120);
  expect(world.pending()).toBe(0);
  expect(story.states()).toEqual(['ready']);
  expect(world.violations).toEqual([]);
});

test('I7 under steady demand nothing is launched, drained or ended once the window has passed', async () => {
  const story = startStory(6, { min: 0 });
  const { world } = story;
  // One call a second, each four seconds long, two at once on a runner.
  const second = async (): Promise<void> => {
    world.enqueue(1);
    await story.pass(1);
  };
  for (let i = 0; i < 180; i += 1) await second();
  const moves = (): readonly number[] => [
    world.backend.calls.launch,
    world.backend.calls.terminate,
    story.eventTypes().filter((type) => type === 'runner.draining').length,
  ];
  const before = moves();
  for (let i = 0; i < 900; i += 1) await second();
  expect(moves()).toEqual(before);
  expect(world.pending()).toBeLessThan(20);
});

test.each([
  ['a policy that has gone mad', (story: Story) => void story],
  [
    'an operator’s override',
    ({ world }: Story) => {
      const until = world.memory.now() + 3_600_000;
      world.memory.pool(POOL).settings.set('override', JSON.stringify({ desired: 1_000_000, until }));
    },
  ],
  ['a max without bound', ({ world }: Story) => void world.memory.pool(POOL).settings.set('max', '1000000')],
])(
  'S-17 I1 I9 %s that wants a million machines gets as many as max and the quota allow, at the rate of the backend',
  async (_who, ask) => {
    const mad = customPolicy('mad', () => 1_000_000);
    const story = startStory({ max: 40, quota: 25 }, { min: 0, policy: mad });
    ask(story);
    const { world } = story;
    const { launchesPerTick, tickMs } = world.backend.defaults;
    for (let seconds = 1; seconds <= 120; seconds += 1) {
      await story.pass(1);
      const most = launchesPerTick * (1 + (seconds * 1_000) / tickMs);
      expect(world.backend.calls.launch).toBeLessThanOrEqual(most);
      expect(world.backend.living().length).toBeLessThanOrEqual(25);
    }
    expect(world.backend.living()).toHaveLength(25);
    expect(story.status().blocked).toBe('the quota of the app is used up');
    expect(world.violations).toEqual([]);
  },
);

type Story = ReturnType<typeof startStory>;
