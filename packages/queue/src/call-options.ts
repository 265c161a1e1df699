/** Parses the options of a call or of a function: once, where they are given, with every problem in one error. */

import { readDuration } from '@flamejs/protocol/duration';
import { type ConfigProblem, configError } from '@flamejs/protocol/errors/input-errors';
import { mapParsed as map, no, type Parsed, show, yes } from '@flamejs/protocol/parsed';
import { didYouMean } from '@flamejs/protocol/suggest';
import { readBackoff } from './backoff.ts';
import { readKey, readLimits } from './limits.ts';
import type { BackoffFunction, CallOptions, FunctionOptions, ParsedCallOptions, ResolvedCallOptions } from './types.ts';

/** BullMQ orders by a number of 21 bits. */
export const MAX_PRIORITY = 2 ** 21 - 1;
/** A call is picked up at most 100 times in all. */
export const MAX_RETRIES = 99;
const DEFAULT_RESULT_TTL_MS = 3_600_000;
const DEFAULT_FAILED_TTL_MS = 7 * 86_400_000;

type Reader = (value: unknown) => Parsed<Partial<ParsedCallOptions>>;

const READERS: Readonly<Record<keyof CallOptions, Reader>> = {
  id: (value) =>
    typeof value === 'string' && value.length > 0 && value.length <= 1000
      ? yes({ id: value })
      : no(`expected a text of 1 to 1,000 characters, got ${show(value)}`),
  timeout: (value) => positive(value, (timeoutMs) => ({ timeoutMs })),
  queueTimeout: (value) => positive(value, (queueTimeoutMs) => ({ queueTimeoutMs })),
  deadline: (value) => {
    if (!(value instanceof Date)) return positive(value, (deadlineInMs) => ({ deadlineInMs }));
    const deadlineAt = value.getTime();
    return Number.isFinite(deadlineAt) ? yes({ deadlineAt }) : no('is an invalid Date');
  },
  signal: (value) => (isSignal(value) ? yes({ signal: value }) : no(`expected an AbortSignal, got ${show(value)}`)),
  retries: (value) => whole(value, MAX_RETRIES, (retries) => ({ retries })),
  delay: (value) => map(readDuration(value), (delayMs) => ({ delayMs })),
  priority: (value) => whole(value, MAX_PRIORITY, (priority) => ({ priority })),
  link: (value) =>
    typeof value === 'boolean' ? yes({ link: value }) : no(`expected true or false, got ${show(value)}`),
  onRunnerLost: (value) =>
    value === 'retry' || value === 'fail'
      ? yes({ onRunnerLost: value })
      : no(`expected 'retry' or 'fail', got ${show(value)}`),
  resultTtl: (value) => positive(value, (resultTtlMs) => ({ resultTtlMs })),
  failedTtl: (value) => positive(value, (failedTtlMs) => ({ failedTtlMs })),
  backoff: (value) => map(readBackoff(value), (backoff) => ({ backoff })),
  limitKey: (value) => map(readKey(value), (limitKey) => ({ limitKey })),
};

const CALL_OPTIONS = Object.keys(READERS) as readonly (keyof CallOptions)[];
const ONLY_OF_FUNCTIONS = ['pool', 'retryIf', 'limit', 'resumable'] as const;
/** Options that mean one call, so a function cannot declare them. */
const ONLY_OF_CALLS: readonly string[] = ['id', 'signal', 'limitKey'];

/**
 * @returns the options that were given, parsed.
 * @throws FlameConfigError that names each option that is unknown or has a bad value.
 */
export const parseCallOptions = (options: CallOptions, what = 'options of a call'): ParsedCallOptions => {
  const { parsed, problems } = readAll(options, CALL_OPTIONS);
  if (problems.length > 0) throw configError(what, problems);
  return parsed;
};

export interface ParsedFunctionOptions {
  readonly pool: string | undefined;
  readonly options: ParsedCallOptions;
  readonly retryIf: FunctionOptions['retryIf'];
  readonly resumable: boolean;
  /** Only a backoff in the form of a function; one that is data stands in `options`. */
  readonly backoff: BackoffFunction | undefined;
}

/** Like `parseCallOptions`, for the options of `flame.fn`. */
export const parseFunctionOptions = (options: FunctionOptions, what: string): ParsedFunctionOptions => {
  const problems: ConfigProblem[] = [];
  if (typeof options !== 'object' || options === null) throw configError(what, [notAnObject(options)]);
  const { pool, retryIf, backoff, limit, resumable = false, ...data } = options;
  const callBackoff = typeof backoff === 'function' ? undefined : backoff;
  const known = [...CALL_OPTIONS.filter((name) => !ONLY_OF_CALLS.includes(name)), ...ONLY_OF_FUNCTIONS];
  const read = readAll({ ...data, backoff: callBackoff }, known);
  problems.push(...read.problems);
  if (pool !== undefined && !isPoolName(pool)) problems.push({ path: 'pool', message: poolNameRule(pool) });
  if (retryIf !== undefined && typeof retryIf !== 'function') {
    problems.push({
      path: 'retryIf',
      message: `expected a function (error, attempt) => boolean, got ${show(retryIf)}`,
    });
  }
  const limits = limit === undefined ? undefined : readLimits(limit);
  if (limits?.ok === false) problems.push({ path: 'limit', message: limits.message });
  if (typeof resumable !== 'boolean')
    problems.push({ path: 'resumable', message: `expected true or false, got ${show(resumable)}` });
  if (problems.length > 0) throw configError(what, problems);
  const parsed = limits?.ok === true ? { ...read.parsed, limits: limits.value } : read.parsed;
  return { pool, options: parsed, retryIf, resumable, backoff: typeof backoff === 'function' ? backoff : undefined };
};

export const isPoolName = (name: unknown): name is string =>
  typeof name === 'string' && /^[a-z][a-z0-9-]{0,62}$/.test(name);

export const poolNameRule = (name: unknown): string =>
  `a pool's name is a lower-case letter followed by up to 62 of a-z, 0-9 and "-", got ${show(name)}`;

/** Fills in what was not given: the pool's `timeout`, and the defaults that stand in `CallOptions`. */
export const resolveCallOptions = (
  options: ParsedCallOptions,
  pool: { readonly timeoutMs: number },
): ResolvedCallOptions => ({
  id: options.id,
  timeoutMs: options.timeoutMs ?? pool.timeoutMs,
  queueTimeoutMs: options.queueTimeoutMs,
  deadlineInMs: options.deadlineInMs,
  deadlineAt: options.deadlineAt,
  signal: options.signal,
  retries: options.retries ?? 0,
  delayMs: options.delayMs ?? 0,
  priority: options.priority ?? 0,
  link: options.link,
  onRunnerLost: options.onRunnerLost ?? 'retry',
  resultTtlMs: options.resultTtlMs ?? DEFAULT_RESULT_TTL_MS,
  failedTtlMs: options.failedTtlMs ?? DEFAULT_FAILED_TTL_MS,
  backoff: options.backoff,
});

/** Options of `.with()` over those of `flame.fn`; a deadline in one form replaces one in the other. */
export const overlayCallOptions = (under: ParsedCallOptions, over: ParsedCallOptions): ParsedCallOptions => {
  if (over.deadlineAt === undefined && over.deadlineInMs === undefined) return { ...under, ...over };
  const { deadlineAt: _at, deadlineInMs: _in, ...rest } = under;
  return { ...rest, ...over };
};

const readAll = (
  options: unknown,
  known: readonly string[],
): { readonly parsed: ParsedCallOptions; readonly problems: readonly ConfigProblem[] } => {
  if (typeof options !== 'object' || options === null) return { parsed: {}, problems: [notAnObject(options)] };
  const problems: ConfigProblem[] = [];
  let parsed: ParsedCallOptions = {};
  for (const [name, value] of Object.entries(options)) {
    const reader =
      known.includes(name) && Object.hasOwn(READERS, name) ? READERS[name as keyof CallOptions] : undefined;
    if (reader === undefined) problems.push({ path: name, message: `unknown option.${didYouMean(name, known)}` });
    else if (value !== undefined) {
      const read = reader(value);
      if (read.ok) parsed = { ...parsed, ...read.value };
      else problems.push({ path: name, message: read.message });
    }
  }
  return { parsed, problems };
};

const positive = <T>(value: unknown, fn: (ms: number) => T): Parsed<T> => {
  const parsed = readDuration(value);
  if (parsed.ok && parsed.value === 0) return no('must be longer than 0');
  return map(parsed, fn);
};

const whole = <T>(value: unknown, max: number, fn: (count: number) => T): Parsed<T> =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max
    ? yes(fn(value as number))
    : no(`expected a whole number from 0 to ${max}, got ${show(value)}`);

/** By shape, for signals come from several realms and libraries. */
const isSignal = (value: unknown): value is AbortSignal =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as AbortSignal).aborted === 'boolean' &&
  'addEventListener' in value;

const notAnObject = (value: unknown): ConfigProblem => ({
  path: '',
  message: `expected an object, got ${show(value)}`,
});
