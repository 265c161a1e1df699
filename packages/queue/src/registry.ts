/**
 * The functions that this process knows, by name. It hangs on a registered symbol, for an app and the runner that loads
 * it may each bring their own copy of this package, as ESM or as CommonJS.
 */

import { configError } from '@flamejs/protocol/errors/input-errors';
import { parseFunctionId } from '@flamejs/protocol/function-id';
import { show } from '@flamejs/protocol/parsed';
import type { ParsedFunctionOptions } from './call-options.ts';

export interface RegisteredFunction extends ParsedFunctionOptions {
  readonly name: string;
  readonly handler: (...args: never) => unknown;
  /** URL or path of the module that defined it; `undefined` when its stack does not say. */
  readonly source: string | undefined;
}

interface Registry {
  readonly functions: Map<string, RegisteredFunction>;
  /** Names defined since the event loop last turned: within one turn no module is reloaded. */
  readonly fresh: Set<string>;
}

const REGISTRY = Symbol.for('@flamejs/functions');
const NAME = /^[A-Za-z0-9_./#@:=-]{1,200}$/;

/**
 * Adds a function, or replaces the one that an earlier version of the same module defined (reloading).
 * @throws FlameConfigError for a bad name, or one that another function has.
 */
export const registerFunction = (entry: RegisteredFunction): void => {
  const { functions, fresh } = registry();
  checkName(entry.name);
  const known = functions.get(entry.name);
  if (known !== undefined && known.handler !== entry.handler && !isReload(known, entry, fresh.has(entry.name))) {
    throw configError(`flame.fn('${entry.name}')`, [
      {
        path: 'name',
        message: `another function has this name, defined in ${known.source ?? 'an unknown module'}; give each its own`,
      },
    ]);
  }
  functions.set(entry.name, entry);
  if (fresh.size === 0) setImmediate(() => fresh.clear());
  fresh.add(entry.name);
};

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

/**
 * A module that was loaded again has the same file, and either another URL (`?t=2`) or another turn of the event loop. What has
 * an id of the compiler's is the same by the hash in it: `flame.fn` in a function is evaluated with each call of that.
 */
const isReload = (known: RegisteredFunction, entry: RegisteredFunction, sameTurn: boolean): boolean => {
  if (parseFunctionId(entry.name) !== undefined) return true;
  if (known.source === undefined || entry.source === undefined) return false;
  if (withoutQuery(known.source) !== withoutQuery(entry.source)) return false;
  return known.source !== entry.source || !sameTurn;
};

const withoutQuery = (source: string): string => source.replace(/[?#].*$/, '');
