import { expect, test } from 'vitest';
import { chooseRelease, type ReleaseSight } from '../src/plan/release.ts';
import { releaseFrom } from '../src/pool-status.ts';
import { startStory } from './model/drive.ts';
import { POOL } from './model/world.ts';

const sight = (release: string, firstAt: number, calledAt: number, parked = 0): ReleaseSight => ({
  release,
  firstAt,
  calledAt,
  parked,
});
const choose = (sights: readonly ReleaseSight[], now: number, boots = (_: string) => true) =>
  chooseRelease({ release: 'r1', since: 1_000 }, { sights, now, quietMs: 100, boots }).release;

test('R-35 calls that wait for a newer release take the pool over, those of an older one do not while the present one is called', () => {
  expect(choose([], 9_000)).toBe('r1');
  expect(choose([sight('r1', 1_100, 1_900), sight('r2', 1_800, 1_950, 3)], 2_000)).toBe('r2');
  expect(choose([sight('r1', 1_100, 1_900), sight('r2', 1_800, 1_950, 0)], 2_000)).toBe('r1');
  expect(choose([sight('r1', 1_100, 1_900), sight('r0', 500, 1_950, 3)], 1_950)).toBe('r1');
  expect(choose([sight('r0', 500, 1_950, 3)], 1_050)).toBe('r1');
});

test('R-35 an older release gets the pool back when nobody calls the present one any more', () => {
  expect(choose([sight('r1', 1_100, 1_900), sight('r0', 500, 1_990, 3)], 2_000)).toBe('r0');
  expect(choose([sight('r1', 1_100, 1_900, 1), sight('r0', 500, 1_990, 3)], 2_000)).toBe('r1');
  expect(choose([sight('r0', 500, 1_990, 3)], 1_100)).toBe('r0');
});

test('R-35 a release that the backend cannot bring up is not chosen, the newest of the others is', () => {
  const sights = [sight('r1', 1_100, 1_900), sight('r2', 1_800, 1_950, 3), sight('r3', 1_850, 1_950, 3)];
  expect(choose(sights, 2_000)).toBe('r3');
  expect(choose(sights, 2_000, (release) => release !== 'r3')).toBe('r2');
  expect(choose(sights, 2_000, () => false)).toBe('r1');
});

test('R-35 whatever two releases that are called at once ask for, the pool changes hands once', () => {
  let present = { release: 'r1', since: 0 };
  let changes = 0;
  for (let now = 1_000; now < 100_000; now += 50) {
    const parked = (release: string): number => (present.release === release ? 0 : 2);
    const sights = [sight('r1', 10, now, parked('r1')), sight('r2', 900, now, parked('r2'))];
    const next = chooseRelease(present, { sights, now, quietMs: 100, boots: () => true });
    if (next !== present) changes += 1;
    present = next;
  }
  expect([present.release, changes]).toEqual(['r2', 1]);
});

test("R-35 another leader goes on with the callers' release; an autoscaler of another release is a deployment", () => {
  const text = JSON.stringify({ release: 'r2', releaseSince: 5, ownRelease: 'r1' });
  expect(releaseFrom(text, 'r1', 9)).toEqual({ release: 'r2', since: 5 });
  expect(releaseFrom(text, 'r3', 9)).toEqual({ release: 'r3', since: 9 });
  for (const broken of [undefined, '{', '{}', '[]']) expect(releaseFrom(broken, 'r1', 9).release).toBe('r1');
});

test('R-35 the pool rolls over to the release that calls wait for: a canary, then one after the other, within max', async () => {
  const story = startStory(3);
  const { world } = story;
  const pool = world.memory.pool(POOL);
  world.enqueue(6);
  await story.pass(30);
  expect(new Set(story.records().map(({ release }) => release))).toEqual(new Set(['r1']));
  const now = world.memory.now();
  pool.releases = [sight('r1', now - 10_000, now), sight('r2', now, now, 4)];
  // This backend brings up its own release only: nothing changes.
  await story.pass(30);
  expect(story.status().release).toBe('r1');
  Object.assign(world.backend, { boots: (release: string) => release === 'r2' });
  await story.pass(60);
  expect(story.status()).toMatchObject({ release: 'r2', ownRelease: 'r1' });
  expect(new Set(story.records().map(({ release }) => release))).toEqual(new Set(['r2']));
  expect(story.records().some(({ state }) => state === 'ready')).toBe(true);
  expect(story.records().every(({ launch }) => launch.env.FLAME_RELEASE === 'r2')).toBe(true);
  expect(story.eventTypes().filter((type) => type === 'pool.release')).toHaveLength(1);
  // The next leader, of the same release, does not roll back.
  pool.releases = [sight('r1', now - 10_000, now), sight('r2', now, now, 0)];
  story.replaceActor();
  await story.pass(60);
  expect(story.status().release).toBe('r2');
  expect(new Set(story.records().map(({ release }) => release))).toEqual(new Set(['r2']));
  expect(world.violations).toEqual([]);
});
