/** The options of a pool: what each accepts, its unit, its default, and the sentence that documents it. */

import { readDuration } from '@flamejs/protocol/duration';
import { mapParsed, no, type Parsed, show, yes } from '@flamejs/protocol/parsed';
import type { PoolBackend } from '../backend.ts';
import { isExternal } from '../is-external.ts';
import { readPoolLimits } from '../limits.ts';
import type { Policy } from '../scaling.ts';
import { amount, bytes, duration, field, flag, hook, passEnv, paths, pluggable, whole } from './fields.ts';
import type { PoolInput } from './input.ts';
import { readBullmq } from './read-bullmq.ts';
import type { Output, Shape } from './shape.ts';
import type { IdleInfo, PoolHooks } from './types.ts';

/** More would be a mistake: it is the number of machines. */
export const MAX_RUNNERS = 100_000;

export const poolShape = {
  min: whole('Fewest runners, kept ready without any call; 0 is scale-to-zero.', '0', 0, MAX_RUNNERS),
  max: whole('Most runners; physical instances never exceed it.', '10', 1, MAX_RUNNERS),
  maxConcurrency: whole('Calls at once on one runner, each in a process of its own.', '1', 1, 1000),
  singleUse: flag('Ends a runner after its first call; needs `maxConcurrency` 1.', 'false'),
  maxCallsPerExecutor: whole(
    'Calls after which the process that runs them is replaced by a fresh one; 1 gives each call a process of its own.',
    'none',
    1,
    1_000_000,
  ),
  timeout: duration(
    'Longest execution of one attempt of a call, unless the call says otherwise; waiting does not count.',
    '30s',
  ),
  bootTimeout: duration(
    'Longest time from launching a runner to its first heartbeat; after it the boot has failed.',
    "the backend's, else 30s",
  ),
  shutdownTimeout: duration(
    'How long calls in flight may go on after SIGTERM, a deploy or a spot notice; then they return to the queue.',
    '30s',
    'any',
  ),
  idleShutdownAfter: field(
    {
      description: 'How long a runner beyond `min` stays without calls; `{ after, unless }` asks `unless` first.',
      kind: 'duration or { after, unless }',
      default: "the backend's, else 30s",
    },
    (value) => readIdle(value),
  ),
  scaleDownWindow: duration(
    'How long there must be too many runners before one is let go.',
    '`idleShutdownAfter`',
    'any',
  ),
  isolation: field(
    {
      description:
        'What separates calls: `process` survives crashes of any kind; `thread` is lighter, for trusted code only.',
      kind: "'process' or 'thread'",
      default: 'process',
    },
    (value): Parsed<'process' | 'thread'> =>
      value === 'process' || value === 'thread' ? yes(value) : no(`expected 'process' or 'thread', got ${show(value)}`),
  ),
  memoryLimit: bytes(
    'Resident memory that one executor may use; beyond it the call ends with FlameMemoryError. One that keeps 70 % of it between calls is replaced.',
    'none',
  ),
  killGrace: duration('How long a call that was told to stop may take before its process is killed.', '1s', 'any'),
  releasePolicy: field(
    {
      description:
        "Which runners may take a call: `strict` only those of its caller's release, `compatible` every one that has the very same function.",
      kind: "'strict' or 'compatible'",
      default: 'compatible',
    },
    (value): Parsed<'strict' | 'compatible'> =>
      value === 'strict' || value === 'compatible'
        ? yes(value)
        : no(`expected 'strict' or 'compatible', got ${show(value)}`),
  ),
  payloadLimit: bytes('Largest encoded arguments, and largest encoded result.', '16MB'),
  streamWindow: bytes(
    'Bytes of a stream that may be under way unread, beside at most 1,000 items; then `yield` waits.',
    '4MB',
  ),
  streamRetention: bytes('Bytes of a stream that are kept after its owner has read them, for those who attach.', '1MB'),
  readTimeout: duration(
    'How long the window of a stream may be full while nobody reads; then its function is stopped.',
    '5m',
  ),
  idleTimeout: duration(
    'How long the function of a stream may yield nothing although it could; then it is stopped.',
    '60s',
  ),
  maxPending: whole(
    'Most calls that may wait; further ones are refused with FlameQueueFullError.',
    '100000',
    1,
    1_000_000_000,
  ),
  limits: field(
    {
      description:
        "Limits by name, such as `{ openai: { concurrency: 20, rate: '500/1m' } }`, that functions and closures of this pool may name as their `limit`.",
      kind: 'record of { concurrency, rate, smooth }',
      default: 'none',
    },
    readPoolLimits,
  ),
  callAccess: field(
    {
      description:
        'Which calls a function may look at, cancel and retry: `own` those that it made or whose ids are among its arguments, `all` every call of the app.',
      kind: "'own' or 'all'",
      default: 'own',
    },
    (value): Parsed<'own' | 'all'> =>
      value === 'own' || value === 'all' ? yes(value) : no(`expected 'own' or 'all', got ${show(value)}`),
  ),
  functions: paths(
    "Modules that this pool's runners load, in the place of the app's `functions`: less to load, and less memory for each process.",
    "the app's `functions`",
  ),
  env: field(
    {
      description:
        "Environment variables of the pool's runners, beside their own, and of its executors, which get little else: see `passEnv`.",
      kind: 'record of strings',
      default: 'none',
    },
    (value) => readEnv(value),
  ),
  passEnv: passEnv(
    'Variables of the runner that its executors get too, by name or pattern (`AWS_*`, `*`), beside the documented basics and those of the app. Secrets of Flame are never among them.',
  ),
  keep: field(
    {
      description:
        'What a call may leave to the next one in its executor: `children` (a browser that stays open), `ports`. An executor with anything else of the kind left is replaced.',
      kind: "list of 'children' and 'ports'",
      default: 'none',
    },
    (value): Parsed<readonly ('children' | 'ports')[]> =>
      Array.isArray(value) && value.every((item) => item === 'children' || item === 'ports')
        ? yes(value)
        : no(`expected a list of 'children' and 'ports', got ${show(value)}`),
  ),
  backend: pluggable<PoolBackend>(
    'What provisions runners: `local()`, `docker()`, `ec2()` or your own; `external()` where a platform does; without one, runners are started by hand.',
    'backend',
    (value) => (isExternal(value as unknown as PoolBackend) ? [] : ['launch', 'list', 'terminate']),
    'none',
  ),
  policy: pluggable<Policy>(
    'Decides how many runners there should be: `queueDepth()`, `waitTime()`, `schedule()`, … or your own.',
    'policy',
    ['desired'],
    '`queueDepth()`',
  ),
  buffer: whole('Free slots kept ready beyond what calls use.', '0', 0, MAX_RUNNERS),
  bullmq: field(
    {
      description:
        'The queue of BullMQ that its runners serve with the processor given to `flame.worker`: `{ queue, prefix }`, by default the name of the pool and `bull`.',
      kind: '{ queue, prefix }',
      default: 'none',
    },
    readBullmq,
  ),
  passRedis: flag(
    'Lets the processors of a BullMQ pool reach Redis: they get `REDIS_URL`, and nothing is withheld for holding its password.',
    'false',
  ),
  price: amount(
    'Dollars that a machine of this pool costs an hour, in the place of what the price lists say.',
    'by the price list of its region',
  ),
  onGrowStart: hook<NonNullable<PoolHooks['onGrowStart']>>('Called when a runner is about to be launched.'),
  onGrowEnd: hook<NonNullable<PoolHooks['onGrowEnd']>>('Called when a launched runner is ready, or has failed.'),
  onShrink: hook<NonNullable<PoolHooks['onShrink']>>('Called when a runner is gone.'),
} satisfies Shape & Record<keyof PoolInput, unknown>;

export type ParsedPool = Output<typeof poolShape>;

export interface ParsedIdle {
  readonly afterMs: number;
  readonly unless: ((info: IdleInfo) => boolean | Promise<boolean>) | undefined;
}

const readIdle = (value: unknown): Parsed<ParsedIdle> => {
  if (typeof value !== 'object' || value === null) {
    return mapParsed(readDuration(value), (afterMs) => ({ afterMs, unless: undefined }));
  }
  const { after, unless, ...rest } = value as Readonly<Record<string, unknown>>;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) return no(`has an unknown part "${unknown}"; it has after and unless`);
  if (unless !== undefined && typeof unless !== 'function')
    return no(`unless: expected a function, got ${show(unless)}`);
  const read = readDuration(after);
  if (!read.ok) return no(`after: ${read.message}`);
  return yes({ afterMs: read.value, unless: unless as ParsedIdle['unless'] });
};

const readEnv = (value: unknown): Parsed<Readonly<Record<string, string>>> => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return no(`expected an object with texts, got ${show(value)}`);
  }
  for (const [name, text] of Object.entries(value)) {
    if (typeof text !== 'string') return no(`${name}: expected a text, got ${show(text)}`);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: an environment variable cannot hold NUL
    if (!/^[^=\x00]+$/.test(name)) return no(`${show(name)} is no name of an environment variable`);
  }
  return yes(value as Readonly<Record<string, string>>);
};
