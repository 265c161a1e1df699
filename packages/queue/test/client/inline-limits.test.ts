/** Limits where they are declared and computed, and in inline mode. */
import { setTimeout as sleep } from 'node:timers/promises';
import { FlameConfigError, FlameLimitDeadlockError } from '@flamejs/protocol/errors';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFlame, type Flame } from '../../src/client/index.ts';
import { defineFunction } from '../../src/fn.ts';
import { appConfig } from './app.ts';

let flame: Flame;
beforeEach(() => {
  const limits = { openai: { concurrency: 2, rate: undefined } };
  flame = createFlame(appConfig('redis://127.0.0.1:1', { limits }), { mode: 'inline' });
});
afterEach(() => flame.close());

let running = 0;
let most = 0;
const order: string[] = [];
const work = async (who: string): Promise<string> => {
  running += 1;
  most = Math.max(most, running);
  order.push(who);
  await sleep(10);
  running -= 1;
  return who;
};
beforeEach(() => {
  most = 0;
  order.length = 0;
});

const pool = 'images';
const two = defineFunction('limitedTwo', { pool, limit: { concurrency: 2 } }, work);
const byTenant = defineFunction('limitedByTenant', { pool, limit: { concurrency: 1, key: (who) => who } }, work);
const given = defineFunction(
  'limitedGiven',
  { pool, limit: [{ name: 'openai' }, { concurrency: 1, key: true }] },
  work,
);
const failing = defineFunction(
  'limitedFailing',
  { pool, limit: { concurrency: 1 }, retries: 1, backoff: 50 },
  async (who: string) => {
    order.push(who);
    if (flame.context().attempt === 1 && who === 'fails') throw new Error('first');
    return who;
  },
);
const all = <T>(calls: readonly Promise<T>[]): Promise<T[]> => Promise.all(calls);

describe('inline mode', () => {
  test('L-01: no more calls run at once than the limit says, in the order in which they were made', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    expect(await all(names.map((who) => flame.call(two, who)))).toEqual(names);
    expect(most).toBe(2);
    expect(order).toEqual(names);
  });

  test('L-01: keys have places of their own; two limits are needed together', async () => {
    await all(['a', 'a', 'b', 'c'].map((who) => flame.call(byTenant, who)));
    expect(most).toBe(3);
    most = 0;
    await all(['a', 'b', 'c', 'd'].map((limitKey) => flame.call(given.with({ limitKey }), limitKey)));
    expect(most).toBe(2);
    most = 0;
    await all(['a', 'b'].map((who) => flame.call(given.with({ limitKey: 'one' }), who)));
    expect(most).toBe(1);
  });

  test('L-03: backoff gives the place up, and what has rested is next', async () => {
    const calls = [flame.call(failing, 'fails'), flame.call(failing, 'second')];
    expect(await all(calls)).toEqual(['fails', 'second']);
    expect(order).toEqual(['fails', 'second', 'fails']);
  });

  test('L-07: status says what holds a call, and a cancelled one holds nobody up', async () => {
    const handles = [await flame.cast(byTenant, 't'), await flame.cast(byTenant, 't'), await flame.cast(byTenant, 't')];
    expect(await handles[2]?.status()).toMatchObject({
      reason: 'limit',
      text: 'it waits for the limit "limitedByTenant" of key "t": 1 of 1 run, 1 before it',
      ahead: 1,
    });
    expect(await handles[1]?.cancel()).toBe('cancelled');
    expect(await handles[2]?.result()).toBe('t');
    expect(order).toEqual(['t', 't']);
  });

  test('L-13: no more calls begin in a window than the rate says, and those of other keys are not held up', async () => {
    const began: number[] = [];
    const often = defineFunction(
      'limitedOften',
      { pool, limit: { rate: '2/200ms', key: (who) => who } },
      async (_who: string) => {
        began.push(performance.now());
      },
    );
    const since = performance.now();
    const calls = ['a', 'a', 'a', 'b'].map((who) => flame.call(often, who));
    await calls[3];
    expect(performance.now() - since).toBeLessThan(190);
    await all(calls);
    expect((began[3] ?? 0) - (began[0] ?? 0)).toBeGreaterThan(150);
  });

  test('L-08: to await what the own line holds is refused with FlameLimitDeadlockError', async () => {
    const inner = defineFunction('limitedInner', { pool, limit: { name: 'openai' } }, async (x: number) => {
      // Whoever awaits it does so before it has ended.
      await sleep(50);
      return x;
    });
    const between = defineFunction('limitedBetween', { pool }, (x: number) => flame.call(inner, x));
    const outer = (name: string, body: () => Promise<number>) =>
      defineFunction(name, { pool, limit: { name: 'openai' } }, body);
    const byCall = outer('limitedOuter', () => flame.call(inner, 1));
    const below = outer('limitedOuterBelow', () => flame.call(between, 1));
    const byResult = outer('limitedOuterResult', async () => (await flame.cast(inner, 1)).result());
    for (const fn of [byCall, below, byResult])
      await expect(flame.call(fn)).rejects.toBeInstanceOf(FlameLimitDeadlockError);
    expect(await flame.call(between, 3)).toBe(3);
  });
});

describe('what is refused', () => {
  const problemsOf = (work: () => unknown): string => {
    try {
      work();
    } catch (error) {
      expect(error).toBeInstanceOf(FlameConfigError);
      return (error as Error).message;
    }
    throw new Error('it was accepted');
  };
  const limited = (limit: unknown) => () =>
    defineFunction(`refused ${String(Math.random())}`, { pool, limit } as never, work);

  test.each<[unknown, string]>([
    [{}, 'expected concurrency, rate, or both'],
    [{ concurrency: 1, name: 'openai' }, 'either the name of one of the pool'],
    [{ rate: '100' }, "a text such as '100/1m'"],
    [{ rate: '0/1m' }, "a text such as '100/1m'"],
    [{ rate: '10/31d' }, 'at most 30 days'],
    [{ rate: '1.5/1s' }, "a text such as '100/1m'"],
    [{ concurrency: 1, smooth: true }, 'beside a rate'],
    [{ concurrency: -1 }, 'a whole number from 0'],
    [{ concurrency: 1.5 }, 'a whole number from 0'],
    [{ concurrency: 1, key: 'tenant' }, 'a function of the arguments'],
    [{ concurrency: 1, kee: () => '' }, 'an unknown part "kee"'],
    [[], 'one limit or two, got 0'],
    [[{ concurrency: 1 }, { concurrency: 1 }, { concurrency: 1 }], 'one limit or two, got 3'],
    [{ name: 'no such name' }, "a limit's name"],
    [5, 'expected an object'],
  ])('a bad limit of a function: %j', (limit, message) => {
    expect(problemsOf(limited(limit))).toContain(message);
  });

  test('a name that the pool does not declare, with the names that it does', async () => {
    const fn = defineFunction('limitedUnknown', { pool, limit: { name: 'opeanai' } }, work);
    await expect(flame.call(fn, 'x')).rejects.toThrow(
      'pool "images" has no limit "opeanai" (it declares openai). Did you mean "openai"?',
    );
  });

  test('a key function that throws or gives no text is a coded error at the call, and nothing is enqueued', async () => {
    const throws = defineFunction(
      'limitedThrows',
      { pool, limit: { concurrency: 1, key: () => JSON.parse('{') } },
      work,
    );
    const none = defineFunction('limitedNoText', { pool, limit: { concurrency: 1, key: (() => 5) as never } }, work);
    const long = defineFunction('limitedLong', { pool, limit: { concurrency: 1, key: () => 'x'.repeat(257) } }, work);
    await expect(flame.call(throws, 'x')).rejects.toMatchObject({
      code: 'FLAME_ERR_CONFIG',
      cause: expect.any(SyntaxError),
    });
    await expect(flame.call(none, 'x')).rejects.toThrow('expected a text of 1 to 256 characters, got 5');
    await expect(flame.call(long, 'x')).rejects.toMatchObject({ code: 'FLAME_ERR_CONFIG' });
    await expect(flame.call(given, 'x')).rejects.toThrow('.with({ limitKey })');
    await expect(flame.call(two.with({ limitKey: 'x' }), 'x')).rejects.toThrow('has no limit with a key');
    expect(order).toEqual([]);
  });

  test('a child under a limit: it would hold its place for as long as it lives', async () => {
    await expect(flame.placeChild(two, 'x')).rejects.toThrow('a child holds its slot');
  });

  test('limits of a pool that are none, and references to limits that are not there', () => {
    expect(problemsOf(() => flame.pool('images', { limit: 'other' }))).toContain('has no limit "other"');
    expect(problemsOf(() => flame.pool('images', { limit: [] }))).toContain('one name or two');
    expect(problemsOf(() => flame.pool('images', { limit: 'openai', limitKey: '' }))).toContain('limitKey');
    expect(flame.pool('images', { limit: 'openai', limitKey: 't' })).toEqual({
      pool: 'images',
      limits: { limits: [{ name: 'openai', concurrency: undefined, key: true }], limitKey: 't' },
    });
  });
});
