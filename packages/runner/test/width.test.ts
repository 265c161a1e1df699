/** How many calls a runner takes while its executors come up. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { type Stage, startStage } from './support.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage.stop());

test('F02 calls that waited for a runner come to use all of its slots while the first one still runs', async () => {
  const { wait } = stage.tasks;
  await Promise.all([1, 2, 3].map((key) => stage.cast(wait?.with({ timeout: '1m' }), 20_000, key)));
  const env = {
    FLAME_TEST_FUNCTIONS: '["./slow-later.mjs", "../../../../../tests/fixtures/app/tasks.mjs"]',
    FLAME_TEST_FIRST: join(stage.folder, 'first'),
  };
  await stage.startRunner({ pool: { maxConcurrency: 3 }, env });
  const active = (): Promise<number> => stage.client.llen(`${stage.keys.queue}active`);
  await waitFor(async () => (await active()) === 1, { what: 'the first to run' });
  await waitFor(async () => (await active()) === 3, {
    what: 'all three to run at once',
  });
  expect(await stage.client.llen(`${stage.keys.queue}wait`)).toBe(0);
});
