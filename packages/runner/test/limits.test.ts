/** Limits from end to end: real runners, a real Redis, calls made in all the ways that there are. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FlameLimitDeadlockError } from '@flamejs/queue';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { linesOf, type RunnerProcess, type Stage, startStage, type Tasks } from './support.ts';

const POOLS = { main: { min: 0, max: 2, maxConcurrency: 4, timeout: '20s', limits: { api: { concurrency: 3 } } } };

let stage: Stage;
let tasks: Tasks;
beforeAll(async () => {
  process.env.FLAME_TEST_POOLS = JSON.stringify(POOLS);
  stage = await startStage();
  tasks = (await import('./fixtures/app/limited.mjs' as string)) as Tasks;
  [first] = await Promise.all([start(), start()]);
});
afterAll(() => stage.stop());

let first: RunnerProcess;
const start = () => stage.startRunner({ pool: POOLS.main, env: { FLAME_TEST_FUNCTIONS: '["./limited.mjs"]' } });

let files = 0;
const newFile = (): string => {
  files += 1;
  return join(stage.folder, `limits-${files}`);
};
const lines = (file: string): readonly string[] => (existsSync(file) ? linesOf(readFileSync(file, 'utf8')) : []);
/** Most calls that ran at once. */
const mostOf = (file: string, who?: string): number => {
  let now = 0;
  let most = 0;
  for (const line of lines(file)) {
    if (who !== undefined && !line.endsWith(` ${who}`)) continue;
    now += line.startsWith('begin') ? 1 : -1;
    most = Math.max(most, now);
  }
  return most;
};
const with_ = (task: unknown, options: object): never => (task as { with(options: object): never }).with(options);

const leavesNothing = () =>
  waitFor(
    async () => {
      const found = await stage.client.keys('*');
      return found.every((key) => !/:(places|held):|:gates$/.test(key));
    },
    { what: 'the limits to leave nothing' },
  );

test('L-01: two runners with eight slots run no more than two calls of a limit at once, and all of them in the end', async () => {
  const file = newFile();
  const calls = Array.from({ length: 10 }, (_, i) => stage.call(tasks.two, file, 60, `${i}`));
  expect(await Promise.all(calls)).toEqual(Array.from({ length: 10 }, (_, i) => `${i}`));
  expect(mostOf(file)).toBe(2);
  await leavesNothing();
});

test('L-01: each key has its places, and the two limits of a call are needed together', async () => {
  const [file, second] = [newFile(), newFile()];
  const calls = ['a', 'b', 'a', 'b', 'a', 'c'].map((who) => stage.call(tasks.perTenant, file, 80, who));
  const both = ['x', 'x', 'y', 'z', 'w'].map((limitKey) =>
    stage.call(with_(tasks.api, { limitKey }), second, 80, limitKey),
  );
  await Promise.all([...calls, ...both]);
  for (const who of ['a', 'b', 'c']) expect(mostOf(file, who)).toBe(1);
  expect(mostOf(second, 'x')).toBe(1);
  expect(mostOf(second)).toBeLessThanOrEqual(3);
  await leavesNothing();
});

test('L-07: status says what a call waits for', async () => {
  const file = newFile();
  const running = await stage.cast(tasks.perTenant, file, 20_000, 'tenant-7');
  await waitFor(() => lines(file).length > 0, { what: 'the first to run' });
  const held = await stage.cast(tasks.perTenant, file, 1, 'tenant-7');
  const status = await stage.flame.attach(held.id).status();
  expect(status).toMatchObject({
    state: 'waiting',
    reason: 'limit',
    text: 'it waits for the limit "perTenant" of key "tenant-7": 1 of 1 run, 0 before it',
  });
  await running.cancel();
  expect(await held.result()).toBe('tenant-7');
});

test.each([['call'], ['below'], ['result']])(
  'L-08: to await a call under a limit and key that the awaiting line holds is refused at once, however large the limit (%s)',
  async (how) => {
    const error = await stage.call(tasks.root, 'ada', how).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(FlameLimitDeadlockError);
    expect(error).toMatchObject({ code: 'FLAME_ERR_LIMIT_DEADLOCK' });
  },
);

test('L-08: another key of the same limit may be awaited', async () => {
  expect(await stage.call(tasks.other, 'ada')).toBe('ada too');
});

test('L-03: a runner that is killed loses no place of its calls, and leaks none', async () => {
  const file = newFile();
  const calls = [stage.call(tasks.two, file, 3_000, 'a'), stage.call(tasks.two, file, 3_000, 'b')];
  await waitFor(() => lines(file).length === 2, { what: 'both to run' });
  const held = stage.call(tasks.two, file, 1, 'c');
  first.child.kill('SIGKILL');
  expect(await Promise.all([...calls, held])).toEqual(['a', 'b', 'c']);
  // The places of what was lost were kept for it: the one that was held came when another had ended.
  const order = lines(file);
  expect(order.indexOf('begin c')).toBeGreaterThan(order.findIndex((line) => line.startsWith('end')));
  await leavesNothing();
}, 60_000);
