/** Calls on a real runner: clocks, errors, ends of executors, and who notices. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  FlameCancelledError,
  FlameCrashError,
  FlameDeadlineError,
  FlameMemoryError,
  FlameQueueTimeoutError,
  FlameTimeoutError,
} from '@flamejs/queue';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isAlive } from '../../../tests/support/processes.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { type RunnerProcess, type Stage, startStage } from './support.ts';

let stage: Stage;
let runner: RunnerProcess;
beforeAll(async () => {
  stage = await startStage();
  runner = await stage.startRunner({ pool: { maxConcurrency: 2, killGrace: '200ms', memoryLimit: '700MB' } });
});
afterAll(() => stage.stop());

const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => {
      throw new Error(`expected a rejection, got ${String(value)}`);
    },
    (error: unknown) => error,
  );

const bothSlotsTaken = () =>
  waitFor(async () => (await stage.client.llen(`${stage.keys.queue}active`)) === 2, { what: 'both slots to be taken' });

test('F01 a call runs in another process and brings its value back', async () => {
  expect(await stage.call(stage.tasks.add, 2, 3)).toBe(5);
  const where = (await stage.call(stage.tasks.where)) as { pid: number; runnerId: string };
  expect(where.pid).not.toBe(process.pid);
  expect(where.pid).not.toBe(runner.pid);
  expect(where.runnerId).toBe(runner.runnerId);
});

test('large arguments travel in a key of their own, and the key goes with the outcome', async () => {
  const { reverse } = stage.tasks;
  const bytes = Buffer.alloc(300_000, 3);
  const handle = await stage.cast(reverse, bytes);
  expect(bytes.equals((await handle.result()) as Buffer)).toBe(true);
  expect(await stage.client.exists(stage.keys.args(handle.id))).toBe(0);
});

test('TK-07 F07 `timeout` counts execution only: a call that waited longer than its timeout succeeds', async () => {
  const { block, wait } = stage.tasks;
  const busy = await Promise.all([stage.cast(wait, 60_000), stage.cast(wait, 60_000)]);
  await bothSlotsTaken();
  const queuedAt = performance.now();
  const queued = stage.call(block?.with({ timeout: '800ms' }), 300);
  // Longer than its timeout.
  await waitFor(() => performance.now() - queuedAt > 900, { what: 'its wait to last' });
  await Promise.all(busy.map((handle) => handle.cancel('it has waited long enough')));
  await queued;
});

test('F07 `queueTimeout` counts waiting only, and its error is another', async () => {
  const { wait, echo } = stage.tasks;
  const busy = [stage.call(wait, 2_500), stage.call(wait, 2_500)];
  await bothSlotsTaken();
  const late = await failureOf(stage.call(echo?.with({ queueTimeout: '300ms' }), 1));
  expect(late).toBeInstanceOf(FlameQueueTimeoutError);
  await Promise.all(busy);
  expect(await stage.call(wait?.with({ queueTimeout: '1s' }), 1_500, 'long work')).toBe('long work');
});

test('TK-01 F08 at its deadline user code has really stopped, a busy loop too, and the neighbour does not notice', async () => {
  const { spin, wait, add } = stage.tasks;
  const file = join(stage.folder, 'spin');
  const neighbour = stage.call(wait, 3_000, 'untouched');
  const error = await failureOf(stage.call(spin?.with({ timeout: '500ms' }), file));
  expect(error).toBeInstanceOf(FlameTimeoutError);
  expect(error).toMatchObject({ timeoutMs: 500, attempt: 1 });
  const pid = Number(readFileSync(file, 'utf8').split(' ')[3]);
  expect(isAlive(pid)).toBe(false);
  expect(await neighbour).toBe('untouched');
  expect(await stage.call(add, 1, 1)).toBe(2);
});

test('the deadline of the whole call stops it inside of an attempt, whatever is left of its retries', async () => {
  const error = await failureOf(stage.call(stage.tasks.spin?.with({ deadline: '700ms', retries: 5 })));
  expect(error).toBeInstanceOf(FlameDeadlineError);
});

test('F09 an error arrives as it was thrown, and the runner stays up', async () => {
  const error = (await failureOf(stage.call(stage.tasks.failRichly))) as Error & { orderId?: number; code?: string };
  expect(error).toMatchObject({ name: 'OrderError', message: 'no such order', code: 'E_ORDER', orderId: 42 });
  expect(error.cause).toBeInstanceOf(TypeError);
  expect((error.cause as Error).cause).toBeInstanceOf(RangeError);
  expect(runner.alive()).toBe(true);
  expect(await stage.call(stage.tasks.add, 1, 2)).toBe(3);
});

test('`retries` are used one after the other, and the outcome tells how many attempts there were', async () => {
  const file = join(stage.folder, 'flaky');
  expect(await stage.call(stage.tasks.flaky?.with({ retries: 3, backoff: 50 }), file, 3)).toBe(3);
  expect(await failureOf(stage.call(stage.tasks.flaky?.with({ retries: 1 }), file, 9))).toMatchObject({
    message: 'attempt 2 fails',
  });
});

test.each([
  ['exits', 'exit', { exitCode: 7 }],
  ['aborts', 'abort', { signal: 'SIGABRT' }],
  ['crashes natively', 'crash', { signal: 'SIGSEGV' }],
  ['leaves a rejection unhandled', 'rejectUnhandled', {}],
] as const)('AW-10 F10 an executor that %s ends its own call only, by its name', async (_, task, shape) => {
  const neighbour = stage.call(stage.tasks.wait, 1_000, 'untouched');
  const error = await failureOf(stage.call(stage.tasks[task]));
  expect(error).toBeInstanceOf(FlameCrashError);
  expect(error).toMatchObject(shape);
  expect(await neighbour).toBe('untouched');
});

test('F10 an executor over its memory limit ends its own call only, by its name', async () => {
  const neighbour = stage.call(stage.tasks.wait, 1_000, 'untouched');
  const error = await failureOf(stage.call(stage.tasks.balloon, 1_000_000_000, 30_000));
  expect(error).toBeInstanceOf(FlameMemoryError);
  expect(error).toMatchObject({ limitBytes: 700 * 1024 * 1024, usedBytes: expect.any(Number) });
  expect(await neighbour).toBe('untouched');
});

test('F10 an executor killed by somebody else is run again twice without cost, and named at the third time', async () => {
  const file = join(stage.folder, 'killed');
  const { spin } = stage.tasks;
  const ended = failureOf(stage.call(spin, file));
  for (let kill = 1; kill <= 3; kill += 1) {
    const line = await waitFor(() => readFileSync(file, 'utf8').split('\n')[kill - 1], { what: `attempt ${kill}` });
    process.kill(Number(line.split(' ')[3]), 'SIGKILL');
  }
  expect(await ended).toBeInstanceOf(FlameCrashError);
});

test('TK-08 F15 a running call is stopped when it is cancelled, and its slot is free again', async () => {
  const { spin, add } = stage.tasks;
  const file = join(stage.folder, 'cancelled');
  const handle = (await stage.cast(spin, file)) as never as {
    id: string;
    cancel(reason: string): Promise<unknown>;
    result(): Promise<unknown>;
  };
  const ended = failureOf(handle.result());
  const line = await waitFor(() => readFileSync(file, 'utf8'), { what: 'it to start' });
  await handle.cancel('no longer wanted');
  expect(await ended).toBeInstanceOf(FlameCancelledError);
  expect(isAlive(Number(line.trim().split(' ')[3]))).toBe(false);
  expect(await stage.call(add, 1, 1)).toBe(2);
});

test('what a function prints is in its call’s log, bounded, and in the runner’s', async () => {
  const handle = await stage.cast(stage.tasks.write, 'to stdout', 'to stderr');
  await handle.result();
  const key = `${stage.keys.queue}${handle.id}:logs`;
  const lines = await waitFor(
    async () => {
      const all = await stage.client.lrange(key, 0, -1);
      return all.length >= 3 ? all : undefined;
    },
    { what: 'the lines' },
  );
  expect(lines.slice().sort()).toEqual(['from the console', 'to stderr', 'to stdout']);
  await runner.waitForOutput(new RegExp(`"callId":"${handle.id}","stream":"stdout","msg":"to stdout"`));
  const many = await stage.cast(stage.tasks.log, ...Array.from({ length: 1_500 }, (_, i) => `line ${i}`));
  await many.result();
  const kept = await waitFor(
    async () => {
      const all = await stage.client.lrange(`${stage.keys.queue}${many.id}:logs`, 0, -1);
      return all.at(-1)?.includes('line 1499') ? all : undefined;
    },
    { what: 'the last line' },
  );
  expect(kept.length).toBeLessThanOrEqual(1_000);
});

test('progress: the newest value is kept, and many a moment are few messages', async () => {
  const watcher = stage.redis.client();
  let messages = 0;
  const seen: string[] = [];
  watcher.on('pmessage', (_pattern, _channel, message) => {
    messages += 1;
    seen.push(message);
  });
  await watcher.psubscribe('*:progress:*');
  const handle = await stage.cast(stage.tasks.report, 500);
  await handle.result();
  await waitFor(() => seen.some((text) => text.includes('"step":500')), { what: 'the last value' });
  expect(messages).toBeLessThan(100);
  expect(await stage.client.get(stage.keys.progress(handle.id))).toContain('500');
  expect(await stage.client.pttl(stage.keys.progress(handle.id))).toBeGreaterThan(0);
});

test('RI-09 a backoff without retries is none: the call fails once, as the default of retries says', async () => {
  const file = join(stage.folder, 'no-retries');
  const { flaky } = stage.tasks;
  await expect(stage.call(flaky?.with({ backoff: '1ms' } as never), file, 3)).rejects.toThrow();
  expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(1);
  expect(await stage.call(flaky?.with({ backoff: '1ms', retries: 2 } as never), file, 3)).toBe(3);
});
