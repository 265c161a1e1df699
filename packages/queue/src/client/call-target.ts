/** What is to be called, as the caller names it: a function made by `flame.fn`, or a pool with a closure. */
import { configError } from '@flamejs/protocol/errors/input-errors';
import type { AppConfig } from '../config/types.ts';
import { isFlameFunction } from '../fn.ts';
import { FLAME_FUNCTION, type ParsedCallOptions } from '../types.ts';
import { closureOf } from './closure-target.ts';

export interface CallTargetParts {
  readonly name: string;
  readonly pool: string | undefined;
  readonly options: ParsedCallOptions;
  readonly values: unknown;
  /** How errors about a value begin their path. */
  readonly root: string;
  /** It is a generator function. */
  readonly yields: boolean;
  readonly resumable: boolean;
}

/** @returns the options that a function was declared or called with; none for a pool */
export const optionsOf = (target: unknown): ParsedCallOptions =>
  isFlameFunction(target) ? target[FLAME_FUNCTION].options : {};

/** @throws FlameConfigError for what cannot be called */
export const resolveTarget = (target: unknown, args: readonly unknown[]): CallTargetParts => {
  if (isFlameFunction(target)) {
    return { ...target[FLAME_FUNCTION], values: args, root: 'argument' };
  }
  const closure = closureOf(target, args);
  if (closure !== undefined) return { ...closure, yields: false, resumable: false };
  const found =
    typeof target === 'function'
      ? `the plain function ${target.name || '(anonymous)'}`
      : `a value of type ${typeof target}`;
  return refuse('target', `flame.call needs a function made by flame.fn(name, options, fn), got ${found}`);
};

/** @returns the pool of a function that names none. @throws FlameConfigError when the app has several */
export const onlyPool = (config: AppConfig, name: string): string => {
  const [only, ...others] = Object.keys(config.pools);
  if (only !== undefined && others.length === 0) return only;
  return refuse(
    'pool',
    `function "${name}" names no pool, and app "${config.app}" has ${others.length + 1}: give flame.fn the option \`pool\``,
  );
};

/** @throws FlameConfigError */
export const refuse = (path: string, message: string): never => {
  throw configError('flame.call', [{ path, message }]);
};
