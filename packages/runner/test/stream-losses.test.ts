/** Streams whose function, runner or reader goes away: what was read is never yielded twice, and nothing is lost without a word. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  FlameCrashError,
  FlameIdleTimeoutError,
  FlameReadTimeoutError,
  FlameRunnerLostError,
  type FlameStream,
} from '@flamejs/queue';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { bySize } from '../../../tests/support/tier.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import {
  linesOf,
  type RunnerProcess,
  type RunnerProcessOptions,
  type Stage,
  startStage,
  type Tasks,
} from './support.ts';

const FIXTURES = fileURLToPath(new URL('../../../tests/fixtures/app/', import.meta.url));
const functions = JSON.stringify([join(FIXTURES, 'tasks.mjs'), join(FIXTURES, 'streams.mjs')]);

let stage: Stage;
let tasks: Tasks;
let files = 0;
let file: string;
const begin = (options: RunnerProcessOptions = {}): Promise<RunnerProcess> =>
  stage.startRunner({
    ...options,
    pool: { maxConcurrency: 2, killGrace: '300ms', ...options.pool },
    env: { FLAME_TEST_FUNCTIONS: functions },
  });
beforeAll(async () => {
  stage = await startStage({ appendonly: true, args: ['--appendfsync', 'always'] });
  tasks = (await import('../../../tests/fixtures/app/streams.mjs' as string)) as Tasks;
});
afterAll(() => stage.stop());
const newFile = (): void => {
  files += 1;
  file = join(stage.folder, `lost-${files}.txt`);
};
beforeEach(newFile);
afterEach(() => stage.reset());

const notes = (): readonly string[] => {
  try {
    return linesOf(readFileSync(file, 'utf8'));
  } catch {
    return [];
  }
};
type Items = FlameStream<unknown>;
const stream = (task: Tasks[string] | undefined, ...args: unknown[]): Items =>
  (stage.flame.stream as (...all: unknown[]) => Items)(task, ...args);
const rest = async (reader: AsyncIterator<unknown>): Promise<unknown[]> => {
  const found: unknown[] = [];
  for (let step = await reader.next(); step.done !== true; step = await reader.next()) found.push(step.value);
  return found;
};
const failureOf = async (work: Promise<unknown>): Promise<unknown> => {
  let value: unknown;
  try {
    value = await work;
  } catch (error) {
    return error;
  }
  throw new Error(`expected a rejection, got ${String(value)}`);
};
const count = (n: number, from = 0): readonly number[] => Array.from({ length: n - from }, (_, i) => from + i);
const stored = (id: string): Promise<unknown> =>
  waitFor(async () => Number(await stage.client.hget(stage.keys.stream(id), 'next')) > 2, { what: 'items in Redis' });

test('a runner that is killed before anything was read: the stream begins anew on the next one', async () => {
  const runner = await begin();
  const items = stream(tasks.noted, file, 60, 20);
  await stored(items.id);
  await runner.kill9();
  await begin();
  // Until then what the first attempt has stored could be read.
  await waitFor(() => notes().some((line) => line.startsWith('begins 2')), { what: 'the second attempt' });
  expect(await rest(items[Symbol.asyncIterator]())).toEqual(count(60));
  expect(notes().filter((line) => line.startsWith('begins'))).toEqual(['begins 1 at 0', 'begins 2 at 0']);
});

test('a runner that is killed after items were read: the call ends with the error of that, and does not run again', async () => {
  const runner = await begin();
  const items = stream(tasks.noted, file, 100, 20);
  const reader = items[Symbol.asyncIterator]();
  expect((await reader.next()).value).toBe(0);
  await stored(items.id);
  await runner.kill9();
  await begin();
  const error = await failureOf(rest(reader));
  expect(error).toBeInstanceOf(FlameRunnerLostError);
  expect((error as Error).message).toMatch(/some of its \d+ items had been read/);
  expect(notes().filter((line) => line.startsWith('begins'))).toEqual(['begins 1 at 0']);
});

test('a resumable function goes on at the next runner where what is stored ends: no item twice, none missing', async () => {
  const runner = await begin();
  const items = stream(tasks.resumed, file, 150, 20);
  const reader = items[Symbol.asyncIterator]();
  expect((await reader.next()).value).toBe(0);
  await stored(items.id);
  await runner.kill9();
  await begin();
  expect(await rest(reader)).toEqual(count(150, 1));
  expect(notes().filter((line) => line.startsWith('begins'))[1]).toMatch(/^begins 2 at [1-9]/);
});

test('a drain hands a resumable stream back at once, and it goes on elsewhere', async () => {
  const runner = await begin({ pool: { shutdownTimeout: '60s', maxConcurrency: 1 } });
  const items = stream(tasks.resumed, file, 200, 20);
  const reader = items[Symbol.asyncIterator]();
  await reader.next();
  await stored(items.id);
  process.kill(runner.pid, 'SIGTERM');
  await begin();
  expect(await rest(reader)).toEqual(count(200, 1));
  expect(notes().filter((line) => line.startsWith('begins')).length).toBe(2);
});

test('an executor that is killed after items were read ends the call; the items that came before are delivered', async () => {
  await begin();
  const items = stream(tasks.killsItself, 20);
  const reader = items[Symbol.asyncIterator]();
  const found: unknown[] = [];
  const error = await failureOf(
    (async () => {
      for (let step = await reader.next(); step.done !== true; step = await reader.next()) found.push(step.value);
    })(),
  );
  expect(found.length).toBeGreaterThan(0);
  expect(found).toEqual(count(found.length));
  expect(error).toBeInstanceOf(FlameCrashError);
  expect((error as Error).message).toContain('it is not run again');
});

test('a window that nobody reads is stopped after readTimeout, and a function that yields nothing after idleTimeout', async () => {
  await begin({ pool: { readTimeout: '1s', idleTimeout: '1s' } });
  const unread = stream(tasks.countTo, 100_000);
  await waitFor(async () => (await stage.client.exists(stage.keys.outcome(unread.id))) === 1, { what: 'its end' });
  expect(await failureOf(unread.result)).toBeInstanceOf(FlameReadTimeoutError);
  const silent = stream(tasks.silent);
  const reader = silent[Symbol.asyncIterator]();
  expect((await reader.next()).value).toBe(1);
  expect(await failureOf(reader.next())).toBeInstanceOf(FlameIdleTimeoutError);
});

test('Redis restarts while a stream runs: it goes on, whole and in order', async () => {
  await begin();
  const items = stream(tasks.countTo, 400, 10);
  const reader = items[Symbol.asyncIterator]();
  expect((await reader.next()).value).toBe(0);
  await stage.redis.restart();
  expect(await rest(reader)).toEqual(count(400, 1));
});

test(`${bySize({ push: '100,000', nightly: '1,000,000' })} small items come whole and in order`, async () => {
  await begin({ pool: { timeout: '5m' } });
  const total = bySize({ push: 100_000, nightly: 1_000_000 });
  let next = 0;
  for await (const item of stream(tasks.countTo?.with({ timeout: '30m' }), total)) {
    if (item !== next) throw new Error(`item ${String(item)} came where ${next} was due`);
    next += 1;
  }
  expect(next).toBe(total);
});

test(`${bySize({ push: '200 MB', nightly: '2 GB' })} in pieces of 64 KB pass, and neither Redis nor this process grows with them`, async () => {
  await begin({ pool: { timeout: '10m' } });
  const pieces = bySize({ push: 3_200, nightly: 32_000 });
  const before = process.memoryUsage().rss;
  let most = 0;
  let mostRedis = 0;
  let next = 0;
  for await (const item of stream(tasks.chunks?.with({ timeout: '30m' }), pieces, 64 * 1024)) {
    const bytes = item as Buffer;
    if (bytes.length !== 64 * 1024 || bytes[0] !== next % 251 || bytes.at(-1) !== next % 251)
      throw new Error(`piece ${next} is another one`);
    next += 1;
    if (next % 100 !== 0) continue;
    most = Math.max(most, process.memoryUsage().rss);
    mostRedis = Math.max(mostRedis, Number(/used_memory:(\d+)/.exec(await stage.client.info('memory'))?.[1]));
  }
  expect(next).toBe(pieces);
  // The window is 4 MB; garbage that is not collected yet is what makes the rest of it.
  expect(most - before).toBeLessThan(150 * 1024 ** 2);
  expect(mostRedis).toBeLessThan(40 * 1024 ** 2);
});
