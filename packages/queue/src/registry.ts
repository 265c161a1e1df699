/**
 * The functions that this process knows, by name. It hangs on a registered symbol, for an app and the runner that loads
 * it may each bring their own copy of this package, as ESM or as CommonJS.
 */

import { configError } from '@flamejs/protocol/errors/input-errors';
import { parseFunctionId } from '@flamejs/protocol/function-id';
import { show } from '@flamejs/protocol/parsed';
import type { ParsedFunctionOptions } from './call-options.ts';
import { type Definition, isSameFunction } from './same-function.ts';

export interface RegisteredFunction extends ParsedFunctionOptions, Definition {
  readonly name: string;
}

interface Registry {
  readonly functions: Map<string, RegisteredFunction>;
  /** Names defined since the event loop last turned. */
  readonly fresh: Set<string>;
}

const REGISTRY = Symbol.for('@flamejs/functions');
const NAME = /^[A-Za-z0-9_./#@:=-]{1,200}$/;

/**
 * Adds a function, or replaces the one of this name when it is the same, evaluated again.
 * @throws FlameConfigError for a bad name, or one that another function has.
 */
export const registerFunction = (entry: RegisteredFunction): void => {
  const { functions, fresh } = registry();
  checkName(entry.name);
  const known = functions.get(entry.name);
  // What has an id of the compiler's is the same by the hash in it.
  const isFree = known === undefined || parseFunctionId(entry.name) !== undefined;
  if (!isFree && !isSameFunction(known, entry, fresh.has(entry.name))) {
    const message = `another function has this name: it is defined in ${placeOf(known)} and in ${placeOf(entry)}; give each its own`;
    throw configError(`flame.fn('${entry.name}')`, [{ path: 'name', message }]);
  }
  functions.set(entry.name, entry);
  if (fresh.size === 0) setImmediate(() => fresh.clear());
  fresh.add(entry.name);
};

const placeOf = ({ source, position }: RegisteredFunction): string =>
  source === undefined ? 'an unknown module' : position === undefined ? source : `${source}:${position}`;

/** @returns the function of this name, or `undefined`. */
export const findFunction = (name: string): RegisteredFunction | undefined => registry().functions.get(name);

/** @returns the names of all functions, sorted. */
export const knownFunctions = (): readonly string[] => [...registry().functions.keys()].sort();

/** Forgets a function; for tests and for the compiler's reloading. */
export const unregisterFunction = (name: string): void => {
  registry().functions.delete(name);
  registry().fresh.delete(name);
};

const registry = (): Registry => {
  const holder = globalThis as { [REGISTRY]?: Registry };
  holder[REGISTRY] ??= { functions: new Map(), fresh: new Set() };
  return holder[REGISTRY];
};

const checkName = (name: unknown): void => {
  // A function without a name of its own has the compiler's id for it, and that holds its file's path, whatever it is.
  if (typeof name === 'string' && (NAME.test(name) || parseFunctionId(name) !== undefined)) return;
  const message = `a function's name has 1 to 200 characters out of letters, digits and _./#@:=-, got ${show(name)}`;
  throw configError('flame.fn', [{ path: 'name', message }]);
};
