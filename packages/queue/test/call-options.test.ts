import { backoffDelay, type ParsedBackoff } from '@flamejs/protocol/attempt/next-attempt';
import { FlameConfigError } from '@flamejs/protocol/errors';
import { expect, test } from 'vitest';
import { overlayCallOptions, parseCallOptions, parseFunctionOptions, resolveCallOptions } from '../src/call-options.ts';
import type { CallOptions, FunctionOptions } from '../src/types.ts';

const problemsOf = (run: () => unknown): readonly string[] => {
  try {
    run();
  } catch (error) {
    if (error instanceof FlameConfigError) return error.problems.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
};

test('every option is parsed into milliseconds and numbers; absent ones stay absent', () => {
  const { signal } = new AbortController();
  const parsed = parseCallOptions({
    id: 'order-7',
    timeout: '5s',
    queueTimeout: '1m',
    deadline: '1h',
    signal,
    retries: 3,
    delay: 250,
    priority: 2,
    link: true,
    onRunnerLost: 'fail',
    resultTtl: '2h',
    failedTtl: '1d',
    backoff: { type: 'exponential', delay: '1s', max: '10s', jitter: 0.5 },
  });
  expect(parsed).toEqual({
    id: 'order-7',
    timeoutMs: 5000,
    queueTimeoutMs: 60_000,
    deadlineInMs: 3_600_000,
    signal,
    retries: 3,
    delayMs: 250,
    priority: 2,
    link: true,
    onRunnerLost: 'fail',
    resultTtlMs: 7_200_000,
    failedTtlMs: 86_400_000,
    backoff: { type: 'exponential', delayMs: 1000, maxMs: 10_000, jitter: 0.5 },
  });
  expect(parseCallOptions({ timeout: undefined })).toEqual({});
  expect(parseCallOptions({ deadline: new Date(5) })).toEqual({ deadlineAt: 5 });
});

test.each<[keyof CallOptions, unknown]>([
  ['timeout', Number.NaN],
  ['timeout', -1],
  ['timeout', Number.POSITIVE_INFINITY],
  ['timeout', 0],
  ['queueTimeout', null],
  ['deadline', new Date(Number.NaN)],
  ['deadline', 0],
  ['delay', -1],
  ['delay', Number.NaN],
  ['retries', 1.5],
  ['retries', -1],
  ['retries', 100],
  ['priority', -1],
  ['priority', 2 ** 21],
  ['link', 'yes'],
  ['onRunnerLost', 'again'],
  ['signal', {}],
  ['signal', new AbortController()],
  ['id', ''],
  ['id', 7],
  ['resultTtl', 0],
  ['failedTtl', '1y'],
  ['backoff', () => 5],
  ['backoff', { type: 'linear', delay: 1 }],
  ['backoff', { type: 'fixed' }],
  ['backoff', { type: 'fixed', delay: -1 }],
  ['backoff', { type: 'fixed', delay: 1, jitter: 2 }],
  ['backoff', { type: 'fixed', delay: 1, factor: 2 }],
])('R-31 %s: %o is refused, naming the option', (name, value) => {
  const problems = problemsOf(() => parseCallOptions({ [name]: value }));
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(new RegExp(`^${name}: `));
});

test('an id of more than 1,000 characters is refused', () => {
  expect(problemsOf(() => parseCallOptions({ id: 'x'.repeat(1001) }))).toHaveLength(1);
  expect(parseCallOptions({ id: 'x'.repeat(1000) }).id).toHaveLength(1000);
});

test('R-31 delays and deadlines up to 2^53 ms are exact', () => {
  for (const ms of [2 ** 31 - 1, 2 ** 31, 2 ** 40, 2 ** 53 - 1]) {
    expect(parseCallOptions({ delay: ms, deadline: ms })).toEqual({ delayMs: ms, deadlineInMs: ms });
  }
});

test('TK-21 all problems are reported together, unknown options with the likely one', () => {
  const options = { timeuot: '5s', retries: -1, retry: 1, concurrency: 1, link: 0, __proto__: null };
  expect(problemsOf(() => parseCallOptions(options as unknown as CallOptions))).toEqual([
    'timeuot: unknown option. Did you mean "timeout"?',
    'retries: expected a whole number from 0 to 99, got -1',
    'retry: unknown option. Did you mean "retries"?',
    'concurrency: unknown option.',
    'link: expected true or false, got 0',
  ]);
  for (const name of ['constructor', 'toString', '__proto__']) {
    const hostile = Object.defineProperty({}, name, { value: 1, enumerable: true });
    expect(problemsOf(() => parseCallOptions(hostile))).toEqual([expect.stringMatching(`^${name}: unknown option`)]);
  }
  expect(problemsOf(() => parseCallOptions(5 as never))).toEqual([': expected an object, got 5']);
});

test("a function's options: its pool and predicates, but not what means one call", () => {
  const retryIf = (): boolean => true;
  const backoff = (attempt: number): number => attempt;
  expect(parseFunctionOptions({ pool: 'images', retries: 1, retryIf, backoff }, 'x')).toEqual({
    pool: 'images',
    options: { retries: 1 },
    retryIf,
    resumable: false,
    backoff,
  });
  expect(parseFunctionOptions({ backoff: '1s' }, 'x')).toMatchObject({
    options: { backoff: { type: 'fixed', delayMs: 1000, maxMs: 1000, jitter: 0 } },
    backoff: undefined,
  });
  const bad = { id: 'x', signal: 1, pool: 'Images', retryIf: 5, timeout: -1 } as unknown as FunctionOptions;
  expect(problemsOf(() => parseFunctionOptions(bad, 'x')).map((problem) => problem.split(':')[0])).toEqual([
    ...['id', 'signal', 'timeout', 'pool', 'retryIf'],
  ]);
});

test('defaults are filled in once, and a deadline replaces one of the other form', () => {
  expect(resolveCallOptions({}, { timeoutMs: 30_000 })).toMatchObject({
    timeoutMs: 30_000,
    retries: 0,
    delayMs: 0,
    priority: 0,
    link: undefined,
    onRunnerLost: 'retry',
    resultTtlMs: 3_600_000,
    failedTtlMs: 604_800_000,
    queueTimeoutMs: undefined,
  });
  expect(resolveCallOptions({ timeoutMs: 5 }, { timeoutMs: 30_000 }).timeoutMs).toBe(5);
  expect(overlayCallOptions({ deadlineInMs: 5, retries: 1 }, { deadlineAt: 9 })).toEqual({ deadlineAt: 9, retries: 1 });
  expect(overlayCallOptions({ deadlineInMs: 5, retries: 1 }, { retries: 2 })).toEqual({ deadlineInMs: 5, retries: 2 });
});

test('backoff grows, stops at its maximum, and takes jitter away only', () => {
  const fixed: ParsedBackoff = { type: 'fixed', delayMs: 100, maxMs: 100, jitter: 0 };
  const growing: ParsedBackoff = { type: 'exponential', delayMs: 100, maxMs: 1000, jitter: 0 };
  expect([1, 2, 9].map((attempt) => backoffDelay(fixed, attempt))).toEqual([100, 100, 100]);
  expect([1, 2, 3, 4, 5, 99].map((attempt) => backoffDelay(growing, attempt))).toEqual([
    100, 200, 400, 800, 1000, 1000,
  ]);
  expect(backoffDelay({ ...fixed, jitter: 0.5 }, 1, () => 1)).toBe(50);
  expect(backoffDelay({ ...fixed, jitter: 1 }, 1, () => 0)).toBe(100);
});
