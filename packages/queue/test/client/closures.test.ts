/** Closures as targets of every method that calls: what the compiler leaves in place of a function, in inline mode. */

import { FlameConfigError } from '@flamejs/protocol/errors';
import { afterEach, beforeEach, expect, expectTypeOf, test } from 'vitest';
import { createFlame, type Flame } from '../../src/client/index.ts';
import type { MapOutcome } from '../../src/client/map.ts';
import { type Captures, ref, reg } from '../../src/closures.ts';
import { appConfig } from './app.ts';

let flame: Flame;
beforeEach(() => {
  flame = createFlame(appConfig('redis://127.0.0.1:1'), { mode: 'inline' });
});
afterEach(() => flame.close());

/** As the compiler writes it, and with the type that the source has. */
const compiled = <F extends (...args: never[]) => unknown>(
  name: string,
  captures: Captures,
  body: (c: never) => F,
): F => {
  const id = `src/closures.ts#${name}/0@aaaaaaaaaaa${name.length}`;
  reg(`src/${name}.ts`, [[id, body as never, Object.keys(captures), 1]]);
  return ref(id, body as never, captures) as unknown as F;
};

test('flame.map calls a closure for every input, with its captures', async () => {
  const times = compiled(
    'map',
    { factor: 10 },
    ({ factor }: { factor: number }) =>
      (n: number, plus: number) =>
        n * factor + plus,
  );
  const results: number[] = [];
  for await (const result of flame.map(
    flame.pool('images'),
    times,
    [
      [1, 0],
      [2, 5],
    ],
    { concurrency: 2 },
  ))
    results.push(result);
  expect(results).toEqual([10, 25]);
  const single = compiled('single', {}, () => (n: number) => n + 1);
  const outcomes: MapOutcome<number>[] = [];
  for await (const outcome of flame.map(flame.pool('images'), single, [1, 2], { outcomes: true }))
    outcomes.push(outcome);
  expect(outcomes).toEqual([
    { index: 0, ok: true, value: 2 },
    { index: 1, ok: true, value: 3 },
  ]);
});

test('flame.map with a closure cancels what is under way when it is left early', async () => {
  let aborted = 0;
  const wait = compiled('waits', {}, () => async (ms: number) => {
    const { signal } = flame.context();
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      signal.addEventListener('abort', () => {
        aborted += 1;
        clearTimeout(timer);
        resolve(undefined);
      });
    });
    return ms;
  });
  for await (const first of flame.map(flame.pool('images'), wait, [1, 20_000, 20_000])) {
    expect(first).toBe(1);
    break;
  }
  await expect.poll(() => aborted).toBe(2);
});

test('flame.placeChild places a closure, which has no timeout of its own', async () => {
  const body =
    ({ name }: { name: string }) =>
    async (port: number) => {
      const { signal, ready, deadline } = flame.context();
      ready({ name, port, bounded: deadline !== undefined });
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return 'stopped';
    };
  const child = await flame.placeChild(flame.pool('images'), compiled('child', { name: 'worker' }, body), 80);
  expect(child.value).toEqual({ name: 'worker', port: 80, bounded: false });
  await child.stop();
});

test('a function that the compiler has not seen is refused, with the pool and the ways out', async () => {
  const plain = (n: number) => n;
  const pool = flame.pool('images');
  await expect(flame.placeChild(pool, plain, 1)).rejects.toThrow(
    /pool "images" got the function plain that the compiler has not seen/,
  );
  await expect(flame.map(pool, plain, [1]).next()).rejects.toBeInstanceOf(FlameConfigError);
});

test('types: arguments, inputs and results of closures are those of the function, and what cannot be shipped is refused', () => {
  const never = (): void => {
    const pool = flame.pool('images');
    expectTypeOf(flame.map(pool, (n: number) => String(n), [1, 2])).toEqualTypeOf<AsyncGenerator<string, void, void>>();
    expectTypeOf(flame.map(pool, async (n: number, s: string) => s.length + n, [[1, 'a']])).toEqualTypeOf<
      AsyncGenerator<number, void, void>
    >();
    expectTypeOf(flame.placeChild(pool, async (port: number) => port > 0, 80)).resolves.toHaveProperty('ended');
    // @ts-expect-error an input of another type
    flame.map(pool, (n: number) => n, ['a']);
    // @ts-expect-error an argument is missing
    flame.placeChild(pool, (port: number) => port);
    const inner = (): void => {};
    // @ts-expect-error a function cannot be shipped
    flame.placeChild(pool, (f: () => void) => f(), inner);
    // @ts-expect-error an argument of another type
    flame.schedule('nightly', { every: '1h' }, pool, (n: number) => n, 'a');
    void flame.schedule('nightly', { every: '1h' }, pool, (n: number) => n, 1);
  };
  expect(never).toBeTypeOf('function');
});
