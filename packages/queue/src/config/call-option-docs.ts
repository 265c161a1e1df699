/** The documentation of options of functions and calls. */
import type { CallOptions, FunctionOptions } from '../types.ts';
import type { OptionDoc } from './shape.ts';

const doc = (kind: string, fallback: string, description: string): OptionDoc => ({
  kind,
  default: fallback,
  description,
});

export const callOptionDocs = {
  pool: doc('string', "the app's only pool", 'The pool that runs it (functions only).'),
  id: doc('string', 'random', 'Idempotency: within a pool the same id is the same call (calls only).'),
  timeout: doc('duration', "the pool's `timeout`", 'Longest execution of one attempt.'),
  queueTimeout: doc(
    'duration',
    'none for `cast`; for `call`, until its pool makes no progress',
    'Longest wait for an executor, each time it waits.',
  ),
  deadline: doc('duration or Date', 'none', 'When the whole call must be over, counted from the enqueue.'),
  signal: doc('AbortSignal', 'none', 'Cancels the call when it aborts (calls only).'),
  retries: doc('number', '0', "Further attempts after the function's own failures, 0 to 99."),
  backoff: doc(
    'duration, object or function',
    'none',
    'Wait between attempts: fixed, `{ type, delay, max, jitter }`, or a function of attempt and error (functions only).',
  ),
  retryIf: doc('function', 'always', 'Asked after a failed attempt; `false` ends the call (functions only).'),
  resumable: doc(
    'boolean',
    'false',
    'Of a function that yields: it goes on at `context().resumeFrom` when it has to run again after some of its items were read; without it the call ends then (functions only).',
  ),
  delay: doc('duration', '0', 'How long it rests before it may start.'),
  priority: doc('number', '0', 'Lower numbers start first, 0 to 2,097,151.'),
  link: doc(
    'boolean',
    'false; in a function true for what `flame.call` awaits, unless it has an `id`',
    'Cancel the call when its maker is gone: this process, or the call that makes it inside of a function.',
  ),
  onRunnerLost: doc("'retry' or 'fail'", 'retry', 'Whether it runs again after its runner was lost.'),
  resultTtl: doc(
    'duration',
    '1h',
    'How long its result is kept. What somebody awaits is not dropped before it was read, for up to an hour where this is shorter. A result over 64 KB that `flame.call` has read goes a minute later, unless the call has an `id` or others await it.',
  ),
  failedTtl: doc('duration', '7d', 'How long its error and arguments are kept.'),
  limit: doc(
    '{ concurrency, rate, smooth, key } or { name, key }, or two of them',
    'none',
    "How many of its calls may run at once, and how often they may begin (`'100/1m'`), in all or for each key; `name` is one of the pool's `limits` (functions only).",
  ),
  limitKey: doc('string', 'what the limit computes', 'The key of those of its limits that have one (calls only).'),
} satisfies Record<keyof CallOptions | keyof FunctionOptions, OptionDoc>;
