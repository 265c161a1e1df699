/** Closures as targets of `flame.call`: what the compiler put where the source has a function. */

import { FlameConfigError } from '@flamejs/protocol/errors';
import { isClosure, knownClosures } from '../closures.ts';
import type { GivenLimits } from '../limits.ts';
import type { PoolRef } from './flame.ts';

export interface ClosureTarget {
  readonly name: string;
  readonly pool: string;
  /** The captured variables by name, then the arguments. */
  readonly values: readonly unknown[];
  readonly root: string;
  readonly options: GivenLimits;
}

/** @returns how to ship `flame.call(pool, closure)`, `undefined` when the target is no pool. @throws FlameConfigError for a function that was not compiled */
export const closureOf = (target: unknown, [closure, ...rest]: readonly unknown[]): ClosureTarget | undefined => {
  if (typeof target !== 'object' || target === null || !('pool' in target) || typeof target.pool !== 'string')
    return undefined;
  if (isClosure(closure))
    return {
      name: closure.id,
      pool: target.pool,
      values: [closure.captures, ...rest],
      root: 'captured',
      options: (target as PoolRef).limits ?? {},
    };
  const what =
    typeof closure === 'function'
      ? `the function ${closure.name || '(anonymous)'}`
      : `a value of type ${typeof closure}`;
  const message =
    `a call to pool "${target.pool}" got ${what} that the compiler has not seen, so its captured variables cannot be shipped. ` +
    (compilerIsHere()
      ? 'The compiler is there and did not take this for a flame call with a function: write the function inline or name one at the top level of the same file, and import the Flame under the name `flame` from a file of the application, or list its module in `sources`'
      : 'Start with `node --import flamejs/register`, or build with the plugin, or declare it with flame.fn(name, options, fn)');
  throw new FlameConfigError(message, { problems: [{ path: 'closure', message }] });
};

/** The loader leaves its mark, and what a plugin has compiled registers itself. */
const compilerIsHere = (): boolean =>
  Symbol.for('@flamejs/compiler/installed') in globalThis || knownClosures().length > 0;
