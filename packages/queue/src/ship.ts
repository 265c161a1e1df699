/**
 * Which values can travel, at the level of types. What cannot becomes a type whose name says why, so that the compiler's
 * message reads as a sentence. The codec checks again at run time: types do not know private state, sockets or size.
 */

import type { Secret } from '@flamejs/protocol/secret';

declare const reason: unique symbol;

/** Stands where a value cannot be sent to another machine; nothing is assignable to it. */
export interface NotShippable<Reason extends string> {
  readonly [reason]: Reason;
}

/**
 * Classes that your program registered with `registerClass`, for the type checker: add them by declaration merging.
 * @example declare module 'flamejs' { interface ShippableClasses { money: Money } }
 */
// biome-ignore lint/suspicious/noEmptyInterface: it is there to be merged into
export interface ShippableClasses {}

type Primitive = string | number | boolean | bigint | null | undefined;
type Native =
  | Date
  | RegExp
  | URL
  | Error
  | ArrayBuffer
  | ArrayBufferView
  | Secret
  | ShippableClasses[keyof ShippableClasses];
/** Node's streams and sockets, and the web's. */
type Stream =
  | { pipe(...args: never): unknown }
  | { getReader(...args: never): unknown }
  | { getWriter(...args: never): unknown };
type Weak = WeakMap<never, unknown> | WeakSet<never> | { deref(): unknown };

/**
 * What surely travels. Assignability to it is decided without expanding, so that recursive aliases such as a JSON type
 * end here; interfaces, which are never assignable to an index signature, go on to `Ship`.
 */
type Plain =
  | Primitive
  | Native
  | readonly Plain[]
  | ReadonlyMap<Plain, Plain>
  | ReadonlySet<Plain>
  | { readonly [key: string]: Plain };

/**
 * `T` as it arrives at the other side; parts that cannot be shipped become `NotShippable<why>`. `Depth` counts levels:
 * what lies deeper than eight is left to the codec, for the compiler would not end on some recursive types.
 */
export type Ship<T, Depth extends readonly unknown[] = []> = 0 extends 1 & T
  ? T
  : unknown extends T
    ? T
    : [T] extends [Plain]
      ? T
      : Depth['length'] extends 8
        ? T
        : ShipEach<T, [...Depth, unknown]>;

type ShipEach<T, Depth extends readonly unknown[]> = T extends Primitive | Native
  ? T
  : T extends (...args: never) => unknown
    ? NotShippable<'functions cannot be sent to another machine'>
    : T extends abstract new (
          ...args: never
        ) => unknown
      ? NotShippable<'classes cannot be sent to another machine'>
      : T extends symbol
        ? NotShippable<'symbols cannot be sent to another machine'>
        : T extends PromiseLike<unknown>
          ? NotShippable<'a promise cannot be sent to another machine: await it first'>
          : T extends Map<infer Key, infer Value>
            ? Map<Ship<Key, Depth>, Ship<Value, Depth>>
            : T extends ReadonlyMap<infer Key, infer Value>
              ? ReadonlyMap<Ship<Key, Depth>, Ship<Value, Depth>>
              : T extends Set<infer Value>
                ? Set<Ship<Value, Depth>>
                : T extends ReadonlySet<infer Value>
                  ? ReadonlySet<Ship<Value, Depth>>
                  : T extends Weak
                    ? NotShippable<'weak collections and references cannot be sent to another machine'>
                    : T extends AbortSignal
                      ? NotShippable<'pass an AbortSignal as the `signal` option; the function finds it in flame.context()'>
                      : T extends Stream
                        ? NotShippable<'streams cannot be sent to another machine: send bytes or an address'>
                        : T extends object
                          ? { [K in keyof T]: Ship<T[K], Depth> }
                          : T;

/** The arguments a caller may pass: each as declared when it can be shipped, else the reason why not. */
export type ShipArgs<Args extends readonly unknown[]> = {
  [K in keyof Args]: [Ship<Args[K]>] extends [Args[K]] ? Args[K] : Ship<Args[K]>;
};

/** What a caller gets for a function's return type. */
export type ShipResult<Result> = [Ship<Awaited<Result>>] extends [Awaited<Result>]
  ? Awaited<Result>
  : Ship<Awaited<Result>>;

/** Items and result of a function that yields: a generator, an async iterable or a web stream. `never` for every other. */
export type StreamOf<Result> = 0 extends 1 & Result
  ? never
  : [Awaited<Result>] extends [never]
    ? never
    : Awaited<Result> extends AsyncGenerator<infer Item, infer End, infer _> | Generator<infer Item, infer End, infer _>
      ? [item: Awaited<Item>, end: End]
      : Awaited<Result> extends AsyncIterable<infer Item> | ReadableStream<infer Item>
        ? [item: Item, end: undefined]
        : never;

/**
 * Demanded of a function where it is declared: nothing when its arguments and result can be shipped, else the type that
 * it should have had, so that the compiler points at the part that cannot.
 */
export type Shippable<Args extends readonly unknown[], Result> = [StreamOf<Result>] extends [never]
  ? [ShipArgs<Args>, ShipResult<Result>] extends [Args, Awaited<Result>]
    ? unknown
    : (...args: ShipArgs<Args>) => ShipResult<Result> | Promise<ShipResult<Result>>
  : [ShipArgs<Args>, ShipEach<StreamOf<Result>, []>] extends [Args, StreamOf<Result>]
    ? unknown
    : (...args: ShipArgs<Args>) => AsyncGenerator<ShipResult<StreamOf<Result>[0]>, ShipResult<StreamOf<Result>[1]>>;
