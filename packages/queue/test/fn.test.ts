import { FlameConfigError } from '@flamejs/protocol/errors';
import { afterEach, expect, test, vi } from 'vitest';
import { currentContext, maybeContext, runWithContext } from '../src/context.ts';
import { bindingOf, defineFunction, isFlameFunction } from '../src/fn.ts';
import {
  findFunction,
  knownFunctions,
  type RegisteredFunction,
  registerFunction,
  unregisterFunction,
} from '../src/registry.ts';
import { testContext } from './support/test-context.ts';

afterEach(() => {
  for (const name of knownFunctions()) unregisterFunction(name);
});

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a function runs locally when called, and carries its name, pool and options', () => {
  const add = defineFunction('math/add', { pool: 'math', retries: 2 }, (a: number, b: number) => a + b);
  expect(add(1, 2)).toBe(3);
  expect([add.flameName, add.name, add.pool]).toEqual(['math/add', 'math/add', 'math']);
  expect(isFlameFunction(add)).toBe(true);
  expect([() => 1, null, {}, 'x'].some(isFlameFunction)).toBe(false);
  expect(bindingOf(add)).toEqual({ name: 'math/add', pool: 'math', options: { retries: 2 } });
});

test('.with() gives a variant and leaves the function alone; a bad option is refused at once', () => {
  const add = defineFunction('math/add', { pool: 'math', retries: 2 }, (a: number, b: number) => a + b);
  const urgent = add.with({ timeout: '5s', retries: 0 }).with({ priority: 1 });
  expect(urgent(1, 2)).toBe(3);
  expect(bindingOf(urgent)).toEqual({
    name: 'math/add',
    pool: 'math',
    options: { timeoutMs: 5000, retries: 0, priority: 1 },
  });
  expect(bindingOf(add).options).toEqual({ retries: 2 });
  expect(() => add.with({ timeout: -1 })).toThrow(/options of math\/add\.with\(\): timeout: must not be negative/);
});

test('the registry finds functions by name and knows no names but its own', () => {
  defineFunction('b', {}, () => 1);
  defineFunction('a', { retryIf: () => false }, () => 2);
  expect(knownFunctions()).toEqual(['a', 'b']);
  expect(findFunction('a')?.source).toMatch(/fn\.test\.ts/);
  expect(findFunction('a')?.retryIf).toBeTypeOf('function');
  for (const name of ['__proto__', 'constructor', 'toString', '../x', 'node:fs'])
    expect(findFunction(name)).toBe(undefined);
});

test('copies of the package share the registry and the context', async () => {
  defineFunction('shared', {}, () => 1);
  vi.resetModules();
  const other = await import('../src/registry.ts');
  const otherContext = await import('../src/context.ts');
  expect(other.findFunction).not.toBe(findFunction);
  expect(other.knownFunctions()).toEqual(['shared']);
  runWithContext(testContext({ callId: 'p.1' }), () => expect(otherContext.currentContext().callId).toBe('p.1'));
});

test.each(['', ' ', 'ä', 'a b', 'a\nb', 'x'.repeat(201), '<script>', 5, undefined])(
  'the name %o is refused',
  (name) => {
    expect(() => defineFunction(name as string, {}, () => 1)).toThrow(FlameConfigError);
  },
);

test.each(['resizeImage', 'src/thumbs.ts#makeThumb/0@yYHLRAKsiIO1', 'src/app.ts#=resizeImage', 'pkg:@acme/x_y-z'])(
  'the name %s is accepted',
  (name) => {
    expect(defineFunction(name, {}, () => 1).flameName).toBe(name);
  },
);

test('a name that another function has is refused; the same module defining it again later is a reload', async () => {
  defineFunction('twice', {}, () => 1);
  expect(() => defineFunction('twice', {}, () => 2)).toThrow(
    /another function has this name, defined in .*fn\.test\.ts/,
  );
  await nextTurn();
  defineFunction('twice', {}, () => 3);
  expect((findFunction('twice') as { handler: () => number }).handler()).toBe(3);
});

test('a name is a conflict across modules at any time, and none for the very same function', async () => {
  const entry = (source: string | undefined, handler: () => number): RegisteredFunction => ({
    ...{ name: 'x', source, handler, pool: undefined, options: {}, retryIf: undefined, backoff: undefined },
  });
  const handler = (): number => 1;
  registerFunction(entry('/app/a.ts', handler));
  registerFunction(entry('/app/b.ts', handler));
  registerFunction(entry('/app/b.ts?t=2', () => 2));
  await nextTurn();
  expect(() => registerFunction(entry('/app/c.ts', () => 2))).toThrow(FlameConfigError);
  expect(() => registerFunction(entry(undefined, () => 2))).toThrow(FlameConfigError);
});

test('what is not a function, and bad options, are refused with the name', () => {
  expect(() => defineFunction('x', {}, 5 as never)).toThrow("flame.fn('x')");
  expect(() => defineFunction('x', { pool: 'Big' }, () => 1)).toThrow(/options of flame\.fn\('x'\): pool: /);
  expect(() => defineFunction('x', undefined as never, () => 1)).toThrow(FlameConfigError);
  expect(findFunction('x')).toBe(undefined);
});

test('the context follows a call through awaits and timers, and there is none outside', async () => {
  expect(maybeContext()).toBe(undefined);
  expect(() => currentContext()).toThrow(FlameConfigError);
  expect(() => currentContext()).toThrow(/no call is running here/);
  const seen = await Promise.all(
    ['p.1', 'p.2'].map((callId) =>
      runWithContext(testContext({ callId }), async () => {
        await nextTurn();
        return currentContext().callId;
      }),
    ),
  );
  expect(seen).toEqual(['p.1', 'p.2']);
});
