/** Functions that can be called elsewhere: `flame.fn` is a thin name for `defineFunction`. */

import { configError } from '@flamejs/protocol/errors/input-errors';
import { show } from '@flamejs/protocol/parsed';
import { overlayCallOptions, parseCallOptions, parseFunctionOptions } from './call-options.ts';
import { callerOf } from './caller.ts';
import { isClosure } from './closures.ts';
import { registerFunction } from './registry.ts';
import type { Shippable } from './ship.ts';
import {
  type AnyFlameFunction,
  FLAME_FUNCTION,
  type FlameFunction,
  type FunctionBinding,
  type FunctionOptions,
} from './types.ts';

/** The ways to declare a function: `flame.fn`, and `defineFunction` where there is no flame object yet. */
export interface DefineFunction {
  /**
   * Gives a function a name under which callers and runners know it, and the options of its calls.
   *
   * The module that does so must be one that runners load (`functions` in flame.config). A module may be evaluated again, by
   * a reload or in another chunk of a bundle; two different functions of one name are refused.
   *
   * @returns a function that still runs locally when called directly, and that `flame.call` and `flame.cast` take.
   * @throws FlameConfigError for a bad name or option, and for a name that another function has.
   */
  <Args extends readonly unknown[], Result>(
    name: string,
    options: FunctionOptions<Args>,
    handler: ((...args: Args) => Result) & Shippable<NoInfer<Args>, NoInfer<Result>>,
  ): FlameFunction<Args, Result>;
  /** As above, with the defaults of every option. */
  <Args extends readonly unknown[], Result>(
    name: string,
    handler: ((...args: Args) => Result) & Shippable<NoInfer<Args>, NoInfer<Result>>,
  ): FlameFunction<Args, Result>;
  /** Without a name, for code that the compiler has seen: it names the function by its place and its content. */
  <Args extends readonly unknown[], Result>(
    options: FunctionOptions<Args>,
    handler: ((...args: Args) => Result) & Shippable<NoInfer<Args>, NoInfer<Result>>,
  ): FlameFunction<Args, Result>;
}

export const defineFunction: DefineFunction = (...given: readonly unknown[]): never => {
  const [first, ...rest] = given;
  const named = typeof first !== 'object' || first === null;
  const isBrief = named && rest.length === 1 && (typeof rest[0] === 'function' || isClosure(rest[0]));
  const [options, handlerOrClosure] = isBrief ? [{}, rest[0]] : named ? rest : given;
  const name = named ? first : isClosure(handlerOrClosure) ? handlerOrClosure.id : undefined;
  const label = `flame.fn('${String(name ?? '')}')`;
  if (name === undefined) {
    const message =
      'a function without a name needs the compiler: start with `node --import flamejs/register`, or give it a name, flame.fn(name, options, function)';
    throw configError('flame.fn', [{ path: 'name', message }]);
  }
  const handler = isClosure(handlerOrClosure) ? handlerOrClosure.factory(handlerOrClosure.captures) : handlerOrClosure;
  if (typeof handler !== 'function') {
    throw configError(label, [
      { path: '', message: `expected (name, options, function), got ${show(handler)} for the function` },
    ]);
  }
  const parsed = parseFunctionOptions(options as FunctionOptions, `options of ${label}`);
  const place = callerOf(defineFunction);
  const where = { source: place?.file, position: place?.position };
  registerFunction({ name: name as string, handler: handler as never, ...where, ...parsed });
  const { pool, resumable } = parsed;
  return bind(handler as never, {
    name: name as string,
    pool,
    options: parsed.options,
    yields: isGenerator(handler),
    resumable,
  }) as never;
};

/** Whether a value was made by `flame.fn`, by this copy of the package or another. */
export const isFlameFunction = (value: unknown): value is AnyFlameFunction =>
  typeof value === 'function' && FLAME_FUNCTION in value;

/** @returns name, pool and parsed options of a flame function. */
export const bindingOf = (fn: AnyFlameFunction): FunctionBinding => fn[FLAME_FUNCTION];

const isGenerator = (handler: unknown): boolean =>
  /^\[object (Async)?GeneratorFunction\]$/.test(Object.prototype.toString.call(handler));

const bind = <Args extends readonly unknown[], Result>(
  handler: (...args: Args) => Result,
  binding: FunctionBinding,
): FlameFunction<Args, Result> => {
  // A new function each time: a variant made by `.with()` must not change the one it came from.
  const fn = (...args: Args): Result => handler(...args);
  Object.defineProperty(fn, 'name', { value: binding.name, configurable: true });
  return Object.assign(fn, {
    flameName: binding.name,
    pool: binding.pool,
    with: (options: Parameters<FlameFunction['with']>[0]): FlameFunction<Args, Result> => {
      const given = parseCallOptions(options, `options of ${binding.name}.with()`);
      return bind(handler, { ...binding, options: overlayCallOptions(binding.options, given) });
    },
    [FLAME_FUNCTION]: binding,
  });
};
