/** Limits of functions, pools and closures: what may be declared, and what a call is under. Parsed once, computed once, at the caller. */

import { type Duration, readDuration } from '@flamejs/protocol/duration';
import { type ConfigProblem, configError } from '@flamejs/protocol/errors/input-errors';
import { type CallLimit, MOST_KEY_LENGTH, MOST_LIMITS, type Rate } from '@flamejs/protocol/limits';
import { mapParsed, no, type Parsed, show, yes } from '@flamejs/protocol/parsed';
import { didYouMean } from '@flamejs/protocol/suggest';

/**
 * Whose limit it is: a text of at most 256 characters, computed once, where the call is made. `true` for a text that each call gives
 * as `limitKey`.
 */
export type LimitKey<Args extends readonly unknown[]> = ((...args: Known<Args>) => string) | true;

/** The arguments are inferred from the function alone. `NoInfer` would not do: no function of fewer parameters fits it. */
type Known<Args extends readonly unknown[]> = Args extends infer A extends readonly unknown[] ? A : never;

/** `'100/1m'`: so many calls may begin within any so long time. */
export type RateText = `${number}/${Duration}`;

/** How many calls of a limit, or of each of its keys, may run, and how often they may begin: one of the two, or both. */
export interface PoolLimit {
  /** How many calls of a key may have begun and not ended; 0 holds all of them. Default: any number. */
  readonly concurrency?: number | undefined;
  /** In no window of this length do more calls of a key begin; at most 30 days. Default: any rate. */
  readonly rate?: RateText | undefined;
  /** They begin at equal distances, in the place of all that may at once. Default: false. */
  readonly smooth?: boolean | undefined;
}

/** A limit of a function: numbers of its own, or by `name` one of its pool's `limits`. With a key, one for each key. */
export type FunctionLimit<Args extends readonly unknown[] = never> =
  | (PoolLimit & {
      readonly key?: LimitKey<Args> | undefined;
      readonly name?: undefined;
    })
  | {
      /** One of `limits` of the function's pool, shared with whoever else names it. */
      readonly name: string;
      readonly key?: LimitKey<Args> | undefined;
      readonly concurrency?: undefined;
      readonly rate?: undefined;
      readonly smooth?: undefined;
    };

/** Limits of closures, which have no options of their own: given to `flame.pool`. */
export interface PoolRefOptions {
  /** Of the pool's `limits`, one or two. */
  readonly limit: string | readonly string[];
  /** Whose limit it is: at most 256 characters. Default: the limit is one for all. */
  readonly limitKey?: string | undefined;
}

/** The numbers of a limit, read. */
export interface ParsedNumbers {
  readonly concurrency: number | undefined;
  readonly rate: Rate | undefined;
}

/** A declared limit, read; by name it has no numbers of its own. */
export interface ParsedLimit extends ParsedNumbers {
  readonly name: string | undefined;
  readonly key: ((...args: never) => unknown) | true | undefined;
}

const MAX_CONCURRENCY = 1_000_000;

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
  const { name, key, ...numbers } = value as Readonly<Record<string, unknown>>;
  if (key !== undefined && key !== true && typeof key !== 'function')
    return no(`key: expected a function of the arguments that gives a text, or true, got ${show(key)}`);
  const own = Object.values(numbers).some((number) => number !== undefined);
  if (name === undefined)
    return mapParsed(readNumbers(numbers), (read) => ({ ...read, name, key: key as ParsedLimit['key'] }));
  if (own) return no("expected either the name of one of the pool's limits or numbers of its own");
  if (!isLimitName(name)) return no(`name: ${limitNameRule(name)}`);
  return yes({ name, key: key as ParsedLimit['key'], concurrency: undefined, rate: undefined });
};

const readNumbers = (value: unknown): Parsed<ParsedNumbers> => {
  if (typeof value !== 'object' || value === null) return no(`expected { concurrency, rate }, got ${show(value)}`);
  const { concurrency, rate, smooth, ...rest } = value as Readonly<Record<string, unknown>>;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) return no(`has an unknown part "${unknown}"; it has concurrency, rate and smooth`);
  if (concurrency === undefined && rate === undefined) return no('expected concurrency, rate, or both');
  if (concurrency !== undefined && !isConcurrency(concurrency))
    return no(`concurrency: ${concurrencyRule(concurrency)}`);
  if (smooth !== undefined && (typeof smooth !== 'boolean' || rate === undefined))
    return no(`smooth: expected true or false beside a rate, got ${show(smooth)}`);
  if (rate === undefined) return yes({ concurrency: concurrency as number, rate: undefined });
  return mapParsed(readRate(rate, smooth === true), (read) => ({
    concurrency: concurrency as number | undefined,
    rate: read,
  }));
};

const MOST_PER_MS = 30 * 86_400_000;

const readRate = (value: unknown, smooth: boolean): Parsed<Rate> => {
  const expected = `rate: expected a text such as '100/1m', at most ${MAX_CONCURRENCY} calls in at most 30 days, got ${show(value)}`;
  const [, calls, text] = typeof value === 'string' ? (/^(\d+) *\/ *(.+)$/.exec(value) ?? []) : [];
  const per = readDuration(/^\d+$/.test(text ?? '') ? Number(text) : text);
  if (!per.ok || per.value < 1 || per.value > MOST_PER_MS || Number(calls) < 1 || Number(calls) > MAX_CONCURRENCY)
    return no(expected);
  return yes({ calls: Number(calls), perMs: per.value, smooth });
};

/** @returns `limits` of a pool */
export const readPoolLimits = (value: unknown): Parsed<Readonly<Record<string, ParsedNumbers>>> => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return no(`expected an object such as { openai: { concurrency: 20 } }, got ${show(value)}`);
  const limits: Record<string, ParsedNumbers> = {};
  for (const [name, numbers] of Object.entries(value)) {
    if (!isLimitName(name)) return no(limitNameRule(name));
    const read = readNumbers(numbers);
    if (!read.ok) return no(`${name}: ${read.message}`);
    limits[name] = read.value;
  }
  return yes(limits);
};

/** @returns the key that a call is given */
export const readKey = (value: unknown): Parsed<string> =>
  typeof value === 'string' && value.length > 0 && value.length <= MOST_KEY_LENGTH
    ? yes(value)
    : no(`expected a text of 1 to ${MOST_KEY_LENGTH} characters, got ${show(value)}`);

interface LimitedPool {
  readonly name: string;
  readonly limits: Readonly<Record<string, ParsedNumbers>>;
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
  return limits.map(({ name, concurrency, rate, key }, index) => ({
    ...(name === undefined ? { concurrency, rate } : numbersOf(pool, name)),
    name,
    index,
    key: key === undefined ? undefined : (limitKey ?? computeKey(functionName, key, args)),
  }));
};

/** @returns the numbers of a limit of a pool. @throws FlameConfigError when the pool declares none of that name */
export const numbersOf = (pool: LimitedPool, name: string): ParsedNumbers => {
  const declared = Object.hasOwn(pool.limits, name) ? pool.limits[name] : undefined;
  if (declared !== undefined) return declared;
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
  for (const name of names as readonly string[]) numbersOf(pool, name);
  return {
    limits: (names as readonly string[]).map((name) => ({
      ...{ name, concurrency: undefined, rate: undefined, key: limitKey === undefined ? undefined : true },
    })),
    ...(limitKey === undefined ? {} : { limitKey }),
  };
};

const isLimitName = (name: unknown): name is string => typeof name === 'string' && /^[A-Za-z][\w.-]{0,62}$/.test(name);

const limitNameRule = (name: unknown): string =>
  `a limit's name is a letter followed by up to 62 letters, digits and "_.-", got ${show(name)}`;

const isConcurrency = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_CONCURRENCY;

/** Whether what another process says of a limit are numbers of one. */
export const areNumbers = ({ concurrency, rate }: Partial<ParsedNumbers>): boolean =>
  (concurrency !== undefined || rate !== undefined) &&
  (concurrency === undefined || isConcurrency(concurrency)) &&
  (rate === undefined || readRate(`${rate?.calls}/${rate?.perMs}`, rate?.smooth === true).ok);

const concurrencyRule = (value: unknown): string =>
  `expected a whole number from 0 to ${MAX_CONCURRENCY}, got ${show(value)}`;

const refuse = (path: string, message: string): never => {
  throw configError('flame.call', [{ path, message }]);
};
