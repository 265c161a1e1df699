/** Mostly checked by `tsc -p packages/queue/test`; at run time these only show that the values exist. */
import { Readable } from 'node:stream';
import { expect, expectTypeOf, test } from 'vitest';
import type { Flame } from '../src/client/index.ts';
import { defineFunction } from '../src/fn.ts';
import type { CallArgs, CallResult, NotShippable, Ship } from '../src/types.ts';

declare module '../src/ship.ts' {
  interface ShippableClasses {
    money: Money;
  }
}

class Money {
  readonly #cents: number;
  constructor(cents: number) {
    this.#cents = cents;
  }
  plus(other: Money): Money {
    return new Money(this.#cents + other.#cents);
  }
}

class Session {
  readonly #secret = 'x';
  reveal(): string {
    return this.#secret;
  }
}

/** Stands for `flame.call`: the same types, without a queue. */
const call = async <F extends (...args: never) => unknown>(fn: F, ...args: CallArgs<F>): Promise<CallResult<F>> =>
  (await fn(...(args as never))) as CallResult<F>;

interface Tree {
  readonly label: string;
  readonly at?: Date;
  readonly children: readonly Tree[];
}

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

test('shippable types stay as they are', () => {
  expectTypeOf<Ship<string | undefined>>().toEqualTypeOf<string | undefined>();
  expectTypeOf<Ship<Buffer>>().toEqualTypeOf<Buffer>();
  expectTypeOf<Ship<Map<string, Set<bigint>>>>().toEqualTypeOf<Map<string, Set<bigint>>>();
  expectTypeOf<Ship<readonly [Date, URL, RegExp?]>>().toEqualTypeOf<readonly [Date, URL, RegExp?]>();
  expectTypeOf<Ship<AggregateError>>().toEqualTypeOf<AggregateError>();
  expectTypeOf<Ship<unknown>>().toEqualTypeOf<unknown>();
  expectTypeOf<Ship<never>>().toEqualTypeOf<never>();
  expectTypeOf<Ship<Money>>().toEqualTypeOf<Money>();
  expectTypeOf<Ship<string & { readonly brand: 'id' }>>().toEqualTypeOf<string & { readonly brand: 'id' }>();
  expectTypeOf<CallResult<() => Promise<Tree>>>().toEqualTypeOf<Tree>();
  expectTypeOf<CallResult<() => Json>>().toEqualTypeOf<Json>();
  expectTypeOf<CallArgs<(tree: Tree, json: Json, ...rest: number[]) => void>>().toEqualTypeOf<
    [tree: Tree, json: Json, ...rest: number[]]
  >();
});

test('types that cannot be shipped become the reason', () => {
  expectTypeOf<Ship<() => void>>().toEqualTypeOf<NotShippable<'functions cannot be sent to another machine'>>();
  expectTypeOf<Ship<symbol>>().toEqualTypeOf<NotShippable<'symbols cannot be sent to another machine'>>();
  expectTypeOf<Ship<Promise<string>>>().toEqualTypeOf<
    NotShippable<'a promise cannot be sent to another machine: await it first'>
  >();
  expectTypeOf<Ship<Readable>>().toEqualTypeOf<
    NotShippable<'streams cannot be sent to another machine: send bytes or an address'>
  >();
  expectTypeOf<Ship<ReadableStream<Uint8Array>>>().toEqualTypeOf<
    NotShippable<'streams cannot be sent to another machine: send bytes or an address'>
  >();
  type Weak = NotShippable<'weak collections and references cannot be sent to another machine'>;
  expectTypeOf<Ship<WeakMap<object, string>>>().toEqualTypeOf<Weak>();
  expectTypeOf<Ship<WeakSet<object>>>().toEqualTypeOf<Weak>();
  expectTypeOf<Ship<WeakRef<object>>>().toEqualTypeOf<Weak>();
  expectTypeOf<Ship<{ readonly a: { readonly b: () => void } }>>().toEqualTypeOf<{
    readonly a: { readonly b: NotShippable<'functions cannot be sent to another machine'> };
  }>();
});

test('a call is typed end to end', async () => {
  const resize = defineFunction(
    'types/resize',
    { pool: 'images' },
    async (image: Uint8Array, width: number, at?: Date) => ({
      image,
      width,
      at,
    }),
  );
  expectTypeOf(resize).parameters.toEqualTypeOf<[image: Uint8Array, width: number, at?: Date | undefined]>();
  const result = call(resize, new Uint8Array(2), 7);
  expectTypeOf(result).resolves.toEqualTypeOf<{
    image: Uint8Array<ArrayBufferLike>;
    width: number;
    at: Date | undefined;
  }>();
  expectTypeOf(resize).returns.resolves.toHaveProperty('width');
  const variant = resize.with({ timeout: '5s', deadline: new Date(), id: 'x' });
  expectTypeOf(variant).toEqualTypeOf(resize);
  const check = (): void => {
    void call(resize, new Uint8Array(), 3);
    // @ts-expect-error an argument is missing
    void call(resize, new Uint8Array());
    // @ts-expect-error of another type
    void call(resize, new Uint8Array(), '3');
    // @ts-expect-error one too many
    void call(resize, new Uint8Array(), 3, new Date(), 4);
    const viaFlame = async (flame: Flame): Promise<void> => {
      expectTypeOf(await flame.call(resize, new Uint8Array(), 3))
        .toHaveProperty('width')
        .toEqualTypeOf<number>();
      expectTypeOf(await (await flame.cast(variant, new Uint8Array(), 3)).result()).toHaveProperty('at');
      // @ts-expect-error of another type
      await flame.call(resize, new Uint8Array(), '3');
      // @ts-expect-error a plain function has no name that a runner knows
      await flame.call((image: Uint8Array) => image, new Uint8Array());
    };
    void viaFlame;
    // @ts-expect-error not a duration
    resize.with({ timeout: '5 seconds' });
    // @ts-expect-error a function cannot travel with a call
    resize.with({ backoff: () => 3 });
    // @ts-expect-error no such option
    resize.with({ timeuot: 3 });
    // @ts-expect-error one call's identity is no option of a function
    defineFunction('types/x', { id: 'x' }, () => 1);
  };
  expect(check).toBeTypeOf('function');
  await expect(result).resolves.toMatchObject({ width: 7 });
});

test('a function with unshippable arguments or result is refused where it is declared', () => {
  const check = (): void => {
    // @ts-expect-error a callback
    defineFunction('types/a', {}, (done: () => void) => done);
    // @ts-expect-error a callback inside an argument
    defineFunction('types/b', {}, (options: { readonly onDone: () => void }) => options.onDone());
    // @ts-expect-error a stream inside a result
    defineFunction('types/c', {}, async () => ({ rows: Readable.from([]) }));
    // @ts-expect-error a callback among what it yields
    defineFunction('types/y', {}, async function* () {
      yield () => 1;
    });
    // @ts-expect-error a class instance with private state
    defineFunction('types/d', {}, (session: Session) => session.reveal());
    // @ts-expect-error a symbol in the result
    defineFunction('types/e', {}, () => ({ id: Symbol('x') }));
    defineFunction('types/f', {}, async (money: Money) => money.plus(money));
    defineFunction('types/g', {}, async function* () {} as () => unknown);
    defineFunction('types/h', {}, () => {});
    defineFunction('types/i', {}, async <T>(value: T) => value);
    defineFunction('types/j', {}, (tree: Tree, json: Json) => ({ tree, json }));
  };
  expect(check).toBeTypeOf('function');
});
