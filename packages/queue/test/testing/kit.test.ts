/** The testing kit, as tests of an application use it: inline mode, seen, timed and disturbed. */
import { afterEach, expect, test, vi } from 'vitest';
import { createFlame } from '../../src/client/create-flame.ts';
import { defineConfig } from '../../src/config/define-config.ts';
import { calls, clock, faults, resetFlame, settled, unawaited, withContext } from '../../src/testing/index.ts';

const flame = createFlame(defineConfig({ app: 'kit', pools: { main: {}, other: {} } }), { mode: 'inline' });
const add = flame.fn('add', { pool: 'main' }, (a: number, b: number) => a + b);
const fail = flame.fn('fail', { pool: 'main' }, () => {
  throw new Error('it failed');
});
afterEach(resetFlame);

test('calls are seen in order, with what arrived, and one function’s alone', async () => {
  await flame.call(add, 1, 2);
  await expect(flame.call(fail)).rejects.toThrow('it failed');
  await flame.call(add, 3, 4);
  expect(calls().map(({ functionName, kind, state, args }) => [functionName, kind, state, args])).toEqual([
    ['add', 'call', 'succeeded', [1, 2]],
    ['fail', 'call', 'failed', []],
    ['add', 'call', 'succeeded', [3, 4]],
  ]);
  expect(calls(add).map(({ args }) => args)).toEqual([
    [1, 2],
    [3, 4],
  ]);
  expect(calls('fail')).toHaveLength(1);
  resetFlame();
  expect(calls()).toEqual([]);
});

test('what was cast and not awaited is told, and can be waited for, with the calls that it makes', async () => {
  const outer = flame.fn('outer', { pool: 'main' }, async () => void (await flame.cast(add, 5, 6)));
  const awaited = await flame.cast(add, 1, 1);
  expect(await awaited.result()).toBe(2);
  await flame.cast(outer);
  await settled();
  expect(unawaited().map(({ functionName, state }) => [functionName, state])).toEqual([
    ['outer', 'succeeded'],
    ['add', 'succeeded'],
  ]);
});

test.each([['the system’s timers'], ['fake timers']])(
  'the clock moves delays, waits and deadlines, with %s',
  async (timers) => {
    if (timers === 'fake timers') vi.useFakeTimers();
    try {
      let attempts = 0;
      const late = flame.fn('late', { pool: 'main', retries: 2, backoff: '1h' }, () => {
        attempts += 1;
        if (attempts < 3) throw new Error('not yet');
        return attempts;
      });
      const delayed = flame.call(late.with({ delay: '5m' }));
      await clock.advance('4m');
      expect(attempts).toBe(0);
      await clock.advance('1m');
      expect(attempts).toBe(1);
      await clock.advance('3h');
      expect(await delayed).toBe(3);

      const forever = flame.fn('forever', { pool: 'main' }, () => new Promise<void>(() => undefined));
      const slow = flame.call(forever.with({ timeout: '2m' })).catch((error: unknown) => error);
      const bound = flame.call(forever.with({ timeout: '1d', deadline: '10m' })).catch((error: unknown) => error);
      await clock.advance('2m');
      expect(await slow).toMatchObject({ code: 'FLAME_ERR_TIMEOUT' });
      await clock.advance('8m');
      expect(await bound).toMatchObject({ code: 'FLAME_ERR_DEADLINE' });
    } finally {
      vi.useRealTimers();
    }
  },
);

test('a lost runner: the function runs again and is told, or the call ends, as it says', async () => {
  const losses: number[] = [];
  const count = flame.fn('count', { pool: 'main' }, () => {
    losses.push(flame.context().runnerLosses);
    return losses.length;
  });
  faults.loseRunner(count, 2);
  expect(await flame.call(count)).toBe(3);
  expect(losses).toEqual([0, 1, 2]);
  expect(calls(count)).toMatchObject([{ attempts: 3 }]);
  faults.loseRunner();
  await expect(flame.call(count.with({ onRunnerLost: 'fail' }))).rejects.toMatchObject({
    code: 'FLAME_ERR_RUNNER_LOST',
    losses: 1,
  });
});

test('lost runners cost no retries', async () => {
  faults.loseRunner(fail);
  await expect(flame.call(fail.with({ retries: 1 }))).rejects.toThrow('it failed');
  expect(calls(fail)).toMatchObject([{ attempts: 3 }]);
});

test('runners that cannot boot: a call rejects with why, a cast waits for the repair, other pools go on', async () => {
  const elsewhere = flame.fn('elsewhere', { pool: 'other' }, () => 'fine');
  const repair = faults.failBoots('main', 'sharp is not installed');
  await expect(flame.call(add, 1, 2)).rejects.toMatchObject({
    code: 'FLAME_ERR_BOOT',
    reason: 'sharp is not installed',
  });
  const cast = await flame.cast(add, 3, 4);
  expect(await flame.call(elsewhere)).toBe('fine');
  expect((await cast.status()).state).toBe('waiting');
  repair();
  expect(await cast.result()).toBe(7);
});

test('Redis is away: nothing is accepted, and afterwards everything is', async () => {
  const restore = faults.loseRedis();
  await expect(flame.call(add, 1, 2)).rejects.toMatchObject({ code: 'FLAME_ERR_UNAVAILABLE', enqueued: 'no' });
  await expect(flame.cast(add, 1, 2)).rejects.toMatchObject({ code: 'FLAME_ERR_UNAVAILABLE' });
  restore();
  expect(await flame.call(add, 1, 2)).toBe(3);
});

test('A-16: a function that uses its context can be called directly, and be given one', () => {
  const tell = flame.fn('tell', { pool: 'main' }, () => {
    const { attempt, isInline, log, progress } = flame.context();
    log('a line');
    progress(1);
    return [attempt, isInline];
  });
  expect(tell()).toEqual([1, true]);
  expect(withContext({ attempt: 4 }, tell)).toEqual([4, true]);
});
