/** One controller on the model, for tests that tell a story rather than draw one. */
import type { PoolConfig, RunnerState } from '@flamejs/queue';
import { CORE } from '../../src/core.ts';
import type { FullPoolStatus } from '../../src/pool-status.ts';
import { decodeIntent, type IntentRecord } from '../../src/record/intent.ts';
import { type Actor, createActor } from './controllers.ts';
import { createWorld, POOL, type World, type WorldOptions } from './world.ts';

export interface Story {
  readonly world: World;
  actor: Actor;
  /** Seconds of ticks, runners and calls. */
  pass(seconds: number): Promise<void>;
  records(): readonly IntentRecord[];
  states(): readonly RunnerState[];
  status(): FullPoolStatus;
  eventTypes(): readonly string[];
  /** Another controller takes the place of the present one, as after a restart. */
  replaceActor(): void;
}

export const startStory = (bounds: number | WorldOptions = 4, pool: Partial<PoolConfig> = {}): Story => {
  const world = createWorld(typeof bounds === 'number' ? { max: bounds } : bounds);
  const story: Story = {
    world,
    actor: createActor(world, CORE, {}, pool),
    async pass(seconds) {
      for (let second = 0; second < seconds; second += 1) {
        story.actor.tick();
        await world.clock.advance(1_000);
        world.step();
      }
    },
    records: () => [...world.memory.intents.values()].flatMap((text) => decodeIntent(text) ?? []),
    states: () =>
      story
        .records()
        .map(({ state }) => state)
        .sort(),
    status: () => JSON.parse(world.memory.statuses.get(POOL) ?? '{}') as FullPoolStatus,
    eventTypes: () => world.memory.pool(POOL).events.map(({ type }) => type),
    replaceActor() {
      story.actor = createActor(world, CORE, {}, pool);
    },
  };
  return story;
};
