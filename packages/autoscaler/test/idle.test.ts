/** Idle means idle: a runner stays for `idleShutdownAfter` after its last call ended, whatever the ticks saw of its calls. */
import { describe, expect, test } from 'vitest';
import { type Story, startStory } from './model/drive.ts';
import { POOL } from './model/world.ts';

const IDLE = { min: 0, idleShutdownAfterMs: 30_000, scaleDownWindowMs: 30_000 };

const drained = (story: Story): readonly (string | undefined)[] =>
  story.world.memory
    .pool(POOL)
    .events.filter(({ type }) => type === 'runner.draining')
    .map(({ runnerId }) => runnerId);

/** Runners that booted for one wave of calls, which then ends. */
const grown = async (story: Story, runners: number): Promise<void> => {
  story.world.callMs = 5_000;
  story.world.enqueue(2 * runners);
  await story.pass(25);
  expect(story.states()).toEqual(Array(runners).fill('ready'));
};

describe('A-06 idle means idle', () => {
  test('A-06: calls that are shorter than a tick and come each 10 s keep the runner', async () => {
    const story = startStory(2, IDLE);
    await grown(story, 1);
    const [agent] = [...story.world.agents.values()];
    for (let call = 0; call < 60; call += 1) {
      await story.pass(10);
      // It came and went between two ticks: only the runner knows.
      if (agent !== undefined) agent.idleSince = story.world.memory.now();
    }
    expect(drained(story)).toEqual([]);
    expect(story.world.backend.calls.launch).toBe(1);
  });

  test('A-06: it is drained when idleShutdownAfter has passed since the last of them, and not before', async () => {
    const story = startStory(2, IDLE);
    await grown(story, 1);
    await story.pass(10);
    const [agent] = [...story.world.agents.values()];
    if (agent !== undefined) agent.idleSince = story.world.memory.now();
    await story.pass(28);
    expect(drained(story)).toEqual([]);
    await story.pass(10);
    expect(drained(story)).toHaveLength(1);
  });

  test('A-06: of two runners the one that nobody calls goes, the one that takes short calls stays', async () => {
    const story = startStory(2, IDLE);
    await grown(story, 2);
    const [used, unused] = [...story.world.agents.values()];
    for (let call = 0; call < 12; call += 1) {
      await story.pass(5);
      if (used !== undefined) used.idleSince = story.world.memory.now();
    }
    expect(drained(story)).toEqual([unused?.machine.runnerId]);
  });
});
