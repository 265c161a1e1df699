import { expect, test } from 'vitest';
import { type Story, startStory } from './model/drive.ts';

/** Tokens of every launch call, as the provider gets them. */
const listen = ({ world }: Story): string[] => {
  const tokens: string[] = [];
  const { launch } = world.backend;
  Object.assign(world.backend, {
    launch: (...args: Parameters<typeof launch>) => {
      tokens.push(`${args[0].runnerId}-${args[0].attempt}`);
      return launch(...args);
    },
  });
  return tokens;
};

test('I2 a launch whose answer is lost is repeated under the same token until it is known, also by the next leader', async () => {
  const story = startStory(1, { min: 1 });
  const { world } = story;
  const tokens = listen(story);
  world.backend.faults.launch = 'dropped';
  await story.pass(60);
  story.actor.gate.dieAt(0, 'before');
  story.replaceActor();
  await story.pass(60);
  // From now on the machine is made, but neither an answer nor the list tells of it.
  Object.assign(world.backend.faults, { launch: 'lost', list: 'fails' });
  await story.pass(90);
  Object.assign(world.backend.faults, { launch: 'none', list: 'none' });
  await story.pass(60);
  expect(tokens.length).toBeGreaterThan(4);
  expect(new Set(tokens).size).toBe(1);
  expect(world.backend.living()).toHaveLength(1);
  expect(story.states()).toEqual(['ready']);
  expect(world.violations).toEqual([]);
});
