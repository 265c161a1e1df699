import { parseBytes } from '@flamejs/protocol/bytes';
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
  expect(bindingOf(add)).toEqual({
    ...{ name: 'math/add', pool: 'math', options: { retries: 2 } },
    ...{ yields: false, resumable: false },
  });
});

test('.with() gives a variant and leaves the function alone; a bad option is refused at once', () => {
  const add = defineFunction('math/add', { pool: 'math', retries: 2 }, (a: number, b: number) => a + b);
  const urgent = add.with({ timeout: '5s', retries: 0 }).with({ priority: 1 });
  expect(urgent(1, 2)).toBe(3);
  expect(bindingOf(urgent)).toEqual({
    yields: false,
    resumable: false,
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

test('C-13: a name that another function has is refused with both places, also in one file', async () => {
  defineFunction('twice', {}, () => 1);
  expect(() => defineFunction('twice', {}, () => 2)).toThrow(
    /another function has this name: it is defined in .*fn\.test\.ts:\d+:\d+ and in .*fn\.test\.ts:\d+:\d+/,
  );
  await nextTurn();
  defineFunction('twice', {}, () => 3);
  expect((findFunction('twice') as { handler: () => number }).handler()).toBe(3);
});

type Place = Pick<RegisteredFunction, 'source' | 'position'>;
const entry = (place: Place, handler: RegisteredFunction['handler']): RegisteredFunction => ({
  ...{ name: 'x', handler, pool: undefined, options: {}, retryIf: undefined, backoff: undefined, resumable: false },
  ...place,
});
const at = (source: string | undefined, position = '1:1'): Place => ({ source, position });
/** As a loader makes it: the same text, another function. */
const evaluated = (text: string): RegisteredFunction['handler'] => new Function(`return ${text}`)();

test('C-13: two functions of one name are a conflict across modules at any time', async () => {
  registerFunction(entry(at('/app/a.ts'), () => 1));
  await nextTurn();
  for (const source of ['/app/c.ts', undefined]) {
    expect(() => registerFunction(entry(at(source), () => 2))).toThrow(FlameConfigError);
  }
  // A bundle has one line.
  expect(() => registerFunction(entry(at('/app/a.ts', '1:9'), () => 2))).not.toThrow();
  expect(() => registerFunction(entry(at('/app/a.ts', '1:99'), () => 3))).toThrow(/a\.ts:1:9 and in \/app\/a\.ts:1:99/);
});

test('C-13: functions that differ in a text, a number or a longer name are two, also minified', () => {
  const differing = [
    ["(a)=>f(a,'small')", "(a)=>f(a,'large')"],
    ['a=>a*2', 'a=>a*3'],
    ['a=>t.resize(a)', 'a=>t.rotate(a)'],
    ['a=>resize(a)', 'a=>rotate(a)'],
    ['(a) => f(a)', '(a) => g(a)'],
    ['a=>a-b', 'b=>a-b'],
  ] as const;
  for (const [first, second] of differing) {
    registerFunction(entry(at('/app/chunk-1.js'), evaluated(first)));
    expect(() => registerFunction(entry(at('/app/chunk-2.js'), evaluated(second))), first).toThrow(FlameConfigError);
    unregisterFunction('x');
  }
});

test('A-25: the same function in another chunk, under any name of the file, is no conflict', () => {
  const text = '(size) => work.resize(size, "a b")';
  registerFunction(entry(at('webpack-internal:///(rsc)/./src/tasks.ts'), evaluated(text)));
  registerFunction(entry(at('webpack-internal:///(ssr)/./src/tasks.ts'), evaluated(text)));
  registerFunction(entry(at('/app/.next/server/chunks/12.js', '1:4711'), evaluated(text)));
  registerFunction(entry(at(undefined), evaluated(text)));
});

test('A-25: a minifier that names things anew in each chunk makes no other function', () => {
  registerFunction(
    entry(at('/app/pages.js'), evaluated('async(e,t)=>{let n=await r.resize(e);return(0,i.store)(n,t)}')),
  );
  registerFunction(
    entry(at('/app/route.js'), evaluated('async(a,b)=>{let c=await d.resize(a);return(0,f.store)(c,b)}')),
  );
});

test('A-15: a module that is loaded anew defines its functions anew, edited or not, in the same turn or later', async () => {
  registerFunction(entry(at('/app/b.ts'), () => 1));
  registerFunction(entry(at('/app/b.ts'), evaluated('() => 1')));
  registerFunction(entry(at('/app/b.ts?t=2', '7:3'), () => 2));
  await nextTurn();
  registerFunction(entry(at('/app/b.ts', '9:1'), () => 3));
  vi.resetModules();
  const first = await import('./support/reloaded.ts');
  vi.resetModules();
  expect((await import('./support/reloaded.ts')).answer).not.toBe(first.answer);
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

test('A-20: a function needs no options', () => {
  const add = defineFunction('brief', (a: number, b: number) => a + b);
  expect([add(1, 2), add.flameName, add.pool]).toEqual([3, 'brief', undefined]);
  expect(bindingOf(add).options).toEqual({});
  expect(findFunction('brief')?.source).toMatch(/fn\.test\.ts/);
});

test('A-20: what is no function is still refused, with or without options', () => {
  for (const given of [['x', 5], ['x', {}], ['x'], ['x', {}, 'text']]) {
    expect(() => (defineFunction as (...given: unknown[]) => unknown)(...given)).toThrow(FlameConfigError);
  }
});

test('A-20: durations and sizes may have a space before their unit', () => {
  const add = defineFunction('spaced', { timeout: '5 s', resultTtl: '1.5 h' }, () => 1);
  expect(bindingOf(add).options).toMatchObject({ timeoutMs: 5_000, resultTtlMs: 5_400_000 });
  expect(parseBytes('16 MB')).toBe(16 * 1024 * 1024);
  expect(() => add.with({ timeout: '5 sec' as never })).toThrow(/timeout: expected/);
});

test('the key of a limit is typed by the arguments of its function, of which it may leave out the last ones', () => {
  defineFunction(
    'typedKey',
    { pool: 'images', limit: { concurrency: 1, key: (customer) => customer.toUpperCase() } },
    async (customer: string, _width: number) => customer,
  );
  const wrong = {
    // @ts-expect-error: it must give a text
    number: () => defineFunction('a', { limit: { concurrency: 1, key: (width) => width } }, (width: number) => width),
    // @ts-expect-error: the function has no second argument
    second: () => defineFunction('b', { limit: { concurrency: 1, key: (_a, b) => b } }, (a: string) => a),
    // @ts-expect-error: of another type
    type: () => defineFunction('c', { limit: { concurrency: 1, key: (a: number) => `${a}` } }, (a: string) => a),
  };
  expect(Object.keys(wrong)).toHaveLength(3);
});
