/** Limits of functions, pools and closures: what may be declared, and what a call is under. Parsed once, computed once, at the caller. */
import { type ConfigProblem, configError } from '@flamejs/protocol/errors/input-errors';
import { type CallLimit, MOST_KEY_LENGTH, MOST_LIMITS } from '@flamejs/protocol/limits';
import { no, type Parsed, show, yes } from '@flamejs/protocol/parsed';
import { didYouMean } from '@flamejs/protocol/suggest';

/**
 * Whose limit it is: a text of at most 256 characters, computed once, where the call is made. `true` for a text that each call gives
 * as `limitKey`.
 */
export type LimitKey<Args extends readonly unknown[]> = ((...args: Known<Args>) => string) | true;

/** The arguments are inferred from the function alone. `NoInfer` would not do: no function of fewer parameters fits it. */
type Known<Args extends readonly unknown[]> = Args extends infer A extends readonly unknown[] ? A : never;

/** A limit of a function: a number of its own, or by `name` one of its pool's `limits`. With a key, one for each key. */
export type FunctionLimit<Args extends readonly unknown[] = never> =
  | {
      /** How many calls may have begun and not ended; 0 holds all of them. */
      readonly concurrency: number;
      readonly key?: LimitKey<Args> | undefined;
      readonly name?: undefined;
    }
  | {
      /** One of `limits` of the function's pool, shared with whoever else names it. */
      readonly name: string;
      readonly key?: LimitKey<Args> | undefined;
      readonly concurrency?: undefined;
    };

/** A limit that a pool declares, for functions and closures to name. */
export interface PoolLimit {
  /** How many calls of a key may have begun and not ended; 0 holds all of them. */
  readonly concurrency: number;
}

/** Limits of closures, which have no options of their own: given to `flame.pool`. */
export interface PoolRefOptions {
  /** Of the pool's `limits`, one or two. */
  readonly limit: string | readonly string[];
  /** Whose limit it is: at most 256 characters. Default: the limit is one for all. */
  readonly limitKey?: string | undefined;
}

/** A declared limit, read. */
export interface ParsedLimit {
  readonly name: string | undefined;
  readonly concurrency: number | undefined;
  readonly key: ((...args: never) => unknown) | true | undefined;
}

export const MAX_CONCURRENCY = 1_000_000;

/** @returns the limits of a function, one or two */
export const readLimits = (value: unknown): Parsed<readonly ParsedLimit[]> => {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0 || list.length > MOST_LIMITS) return no(`expected one limit or two, got ${list.length}`);
  const limits: ParsedLimit[] = [];
  for (const one of list) {
    const read = readLimit(one);
    if (!read.ok) return read;
    limits.push(read.value);
  }
  return yes(limits);
};

const readLimit = (value: unknown): Parsed<ParsedLimit> => {
  if (typeof value !== 'object' || value === null)
    return no(`expected an object such as { concurrency: 5 } or { name: 'openai' }, got ${show(value)}`);
  const { name, concurrency, key, ...rest } = value as Readonly<Record<string, unknown>>;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) return no(`has an unknown part "${unknown}"; it has concurrency or name, and key`);
  if ((name === undefined) === (concurrency === undefined)) return no('expected either concurrency or name');
  if (name !== undefined && !isLimitName(name)) return no(`name: ${limitNameRule(name)}`);
  if (concurrency !== undefined && !isConcurrency(concurrency))
    return no(`concurrency: ${concurrencyRule(concurrency)}`);
  if (key !== undefined && key !== true && typeof key !== 'function')
    return no(`key: expected a function of the arguments that gives a text, or true, got ${show(key)}`);
  return yes({ name, concurrency, key } as ParsedLimit);
};

/** @returns `limits` of a pool */
export const readPoolLimits = (value: unknown): Parsed<Readonly<Record<string, PoolLimit>>> => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return no(`expected an object such as { openai: { concurrency: 20 } }, got ${show(value)}`);
  for (const [name, limit] of Object.entries(value)) {
    if (!isLimitName(name)) return no(limitNameRule(name));
    if (typeof limit !== 'object' || limit === null) return no(`${name}: expected { concurrency }, got ${show(limit)}`);
    const { concurrency, ...rest } = limit as Readonly<Record<string, unknown>>;
    const [unknown] = Object.keys(rest);
    if (unknown !== undefined) return no(`${name}: has an unknown part "${unknown}"; it has concurrency`);
    if (!isConcurrency(concurrency)) return no(`${name}: concurrency: ${concurrencyRule(concurrency)}`);
  }
  return yes(value as Readonly<Record<string, PoolLimit>>);
};

/** @returns the key that a call is given */
export const readKey = (value: unknown): Parsed<string> =>
  typeof value === 'string' && value.length > 0 && value.length <= MOST_KEY_LENGTH
    ? yes(value)
    : no(`expected a text of 1 to ${MOST_KEY_LENGTH} characters, got ${show(value)}`);

interface LimitedPool {
  readonly name: string;
  readonly limits: Readonly<Record<string, PoolLimit>>;
}

/** What a call is given of limits: those of its function, overlaid by `.with()`, or those of a closure's pool reference. */
export interface GivenLimits {
  readonly limits?: readonly ParsedLimit[];
  readonly limitKey?: string;
}

/**
 * Runs the key functions.
 * @returns the limits of one call
 * @throws FlameConfigError for a name that its pool does not declare, a key that is none, and a key function that throws
 */
export const limitsOfCall = (
  functionName: string,
  pool: LimitedPool,
  { limits = [], limitKey }: GivenLimits,
  args: readonly unknown[],
): readonly CallLimit[] => {
  if (limitKey !== undefined && limits.every(({ key }) => key === undefined))
    refuse('limitKey', `"${functionName}" has no limit with a key: give its limit \`key: true\``);
  return limits.map(({ name, concurrency, key }, index) => ({
    name,
    index,
    concurrency: concurrency ?? numberOf(pool, name ?? ''),
    key: key === undefined ? undefined : (limitKey ?? computeKey(functionName, key, args)),
  }));
};

/** @returns how many calls of a key a limit of a pool lets begin. @throws FlameConfigError when the pool declares none of that name */
export const numberOf = (pool: LimitedPool, name: string): number => {
  if (Object.hasOwn(pool.limits, name)) return pool.limits[name]?.concurrency ?? 0;
  const known = Object.keys(pool.limits);
  const there = known.length === 0 ? 'it declares none' : `it declares ${known.join(', ')}`;
  return refuse('limit.name', `pool "${pool.name}" has no limit "${name}" (${there}).${didYouMean(name, known)}`);
};

const computeKey = (functionName: string, key: NonNullable<ParsedLimit['key']>, args: readonly unknown[]): string => {
  if (key === true)
    return refuse('limitKey', `"${functionName}" has a limit whose key each call gives: .with({ limitKey })`);
  let made: unknown;
  try {
    made = key(...(args as never));
  } catch (error) {
    const message = `the key function of a limit of "${functionName}" threw: ${error instanceof Error ? error.message : String(error)}`;
    throw configError('flame.call', [{ path: 'limit.key', message }], { cause: error });
  }
  const read = readKey(made);
  return read.ok
    ? read.value
    : refuse('limit.key', `the key function of a limit of "${functionName}": ${read.message}`);
};

/** @returns the limits of closures that are called through this reference. @throws FlameConfigError */
export const limitsOfRef = (pool: LimitedPool, { limit, limitKey }: PoolRefOptions): GivenLimits => {
  const problems: ConfigProblem[] = [];
  const names: readonly unknown[] = Array.isArray(limit) ? limit : [limit];
  if (names.length === 0 || names.length > MOST_LIMITS)
    problems.push({ path: 'limit', message: `expected one name or two, got ${names.length}` });
  for (const name of names) if (!isLimitName(name)) problems.push({ path: 'limit', message: limitNameRule(name) });
  const key = limitKey === undefined ? undefined : readKey(limitKey);
  if (key?.ok === false) problems.push({ path: 'limitKey', message: key.message });
  if (problems.length > 0) throw configError(`flame.pool('${pool.name}')`, problems);
  for (const name of names as readonly string[]) numberOf(pool, name);
  return {
    limits: (names as readonly string[]).map((name) => ({
      ...{ name, concurrency: undefined, key: limitKey === undefined ? undefined : true },
    })),
    ...(limitKey === undefined ? {} : { limitKey }),
  };
};

const isLimitName = (name: unknown): name is string => typeof name === 'string' && /^[A-Za-z][\w.-]{0,62}$/.test(name);

const limitNameRule = (name: unknown): string =>
  `a limit's name is a letter followed by up to 62 letters, digits and "_.-", got ${show(name)}`;

const isConcurrency = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_CONCURRENCY;

const concurrencyRule = (value: unknown): string =>
  `expected a whole number from 0 to ${MAX_CONCURRENCY}, got ${show(value)}`;

const refuse = (path: string, message: string): never => {
  throw configError('flame.call', [{ path, message }]);
};
