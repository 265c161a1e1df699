import { decode, encode } from '@flamejs/protocol/codec';
import {
  FlameCodecError,
  FlamePayloadTooLargeError,
  FlameReleaseError,
  FlameTimeoutError,
  FlameUnknownFunctionError,
  NonRetryableError,
} from '@flamejs/protocol/errors';
import { afterEach, expect, test } from 'vitest';
import { reg } from '../src/closures.ts';
import type { CallContext } from '../src/context.ts';
import { currentContext } from '../src/context.ts';
import { type ExecuteResult, executeFunction } from '../src/execute.ts';
import { defineFunction } from '../src/fn.ts';
import { knownFunctions, unregisterFunction } from '../src/registry.ts';
import type { FunctionOptions } from '../src/types.ts';
import { testContext } from './support/test-context.ts';

afterEach(() => {
  for (const name of knownFunctions()) unregisterFunction(name);
});

const LIMIT = 1024 * 1024;

const execute = async (
  args: unknown,
  context: CallContext = testContext(),
  payloadLimit = LIMIT,
): Promise<ExecuteResult> => executeFunction({ payload: encode(args), functionName: 'task', context, payloadLimit });

const executing = (
  fn: () => unknown,
  options: FunctionOptions = {},
  context = testContext(),
): Promise<ExecuteResult> => {
  defineFunction('task', options, fn as () => undefined);
  return execute([], context);
};

const thrownBy = (result: ExecuteResult): unknown => {
  if (result.ok) throw new Error('expected a failure');
  return decode(result.payload);
};

test('arguments arrive decoded, the result leaves encoded, and the context is there', async () => {
  defineFunction('task', {}, async (at: Date, tags: Set<string>) => ({
    at,
    tags,
    attempt: currentContext().attempt,
  }));
  const result = await execute([new Date(5), new Set(['a'])], testContext({ attempt: 3 }));
  expect(result.ok && decode(result.payload)).toEqual({ at: new Date(5), tags: new Set(['a']), attempt: 3 });
});

test('a synchronous function, one without a result, and one that returns an error value succeed', async () => {
  defineFunction('task', {}, (value: unknown) => value);
  for (const value of [undefined, null, 7, new RangeError('a value')]) {
    const result = await execute([value]);
    expect(result.ok && decode(result.payload)).toEqual(value);
  }
});

test('a thrown error arrives with class, cause and own fields, and may be retried', async () => {
  const result = await executing(async () => {
    throw Object.assign(new TypeError('bad input', { cause: new Error('inner') }), { status: 422 });
  });
  expect(result).toMatchObject({ ok: false, retryable: true, errorName: 'TypeError', errorMessage: 'bad input' });
  const error = thrownBy(result);
  expect(error).toBeInstanceOf(TypeError);
  expect(error).toMatchObject({ message: 'bad input', status: 422, cause: { message: 'inner' } });
  expect((error as Error).stack).toMatch(/execute\.test\.ts/);
});

test('a flame error that a nested call threw stays what it is', async () => {
  const result = await executing(() => {
    throw new FlameTimeoutError('nested', { callId: 'p.1', timeoutMs: 5, attempt: 1 });
  });
  const error = thrownBy(result);
  expect(error).toBeInstanceOf(FlameTimeoutError);
  expect(error).toMatchObject({ callId: 'p.1', timeoutMs: 5, attempt: 1, code: 'FLAME_ERR_TIMEOUT' });
});

test.each([
  ['text', 'boom'],
  ['undefined', undefined],
  ['an object', { code: 7 }],
  ['a function', () => 1],
])('a thrown %s travels as an error', async (_, value) => {
  const result = await executing(() => {
    throw value;
  });
  expect(result.ok).toBe(false);
  expect(thrownBy(result)).toBeInstanceOf(Error);
});

test('what cannot be shipped is dropped from an error, never the error itself', async () => {
  const result = await executing(() => {
    const hostile = Object.assign(new RangeError('no socket'), { socket: () => 1, status: 502 });
    Object.defineProperty(hostile, 'lazy', {
      enumerable: true,
      get() {
        throw new Error('no');
      },
    });
    throw hostile;
  });
  const error = thrownBy(result);
  expect(error).toBeInstanceOf(RangeError);
  expect(error).toMatchObject({ message: 'no socket', status: 502 });
});

test('P02 a result that cannot be shipped is a codec error with its path, and is not retried', async () => {
  const result = await executing(() => ({ rows: [{ close: () => 1 }] }));
  expect(result).toMatchObject({ ok: false, retryable: false, errorName: 'FlameCodecError' });
  expect(thrownBy(result)).toBeInstanceOf(FlameCodecError);
  expect(thrownBy(result)).toMatchObject({ path: 'result.rows[0].close' });
});

test('PS-08 P04 a result over the limit is refused with size and limit, and is not retried', async () => {
  defineFunction('task', {}, () => 'x'.repeat(2000));
  const result = await execute([], testContext(), 1000);
  expect(result).toMatchObject({ ok: false, retryable: false });
  expect(thrownBy(result)).toBeInstanceOf(FlamePayloadTooLargeError);
  expect(thrownBy(result)).toMatchObject({ limit: 1000 });
});

test('NonRetryableError, also a subclass and one with a cause, ends the retries', async () => {
  class Refused extends NonRetryableError {}
  for (const error of [new NonRetryableError('no', { cause: 1 }), new Refused('no')]) {
    const result = await executing(() => {
      throw error;
    });
    expect(result).toMatchObject({ ok: false, retryable: false });
    expect(thrownBy(result)).toBeInstanceOf(NonRetryableError);
    unregisterFunction('task');
  }
});

test('retryIf decides, sees error and attempt, and may be asynchronous', async () => {
  const seen: unknown[] = [];
  const options: FunctionOptions = {
    retryIf: async (error, attempt) => {
      seen.push([error, attempt, currentContext().callId]);
      return attempt < 2;
    },
  };
  const error = new Error('flaky');
  const fail = (): never => {
    throw error;
  };
  expect(await executing(fail, options, testContext({ attempt: 1 }))).toMatchObject({ retryable: true });
  expect(await execute([], testContext({ attempt: 2 }))).toMatchObject({ retryable: false });
  expect(seen).toEqual([
    [error, 1, 'images.test'],
    [error, 2, 'images.test'],
  ]);
});

test('a backoff function gives the delay of the next attempt; one that is data is left to the runner', async () => {
  const fail = (): never => {
    throw new Error('flaky');
  };
  const options: FunctionOptions = { backoff: (attempt) => (attempt === 2 ? '1.5s' : 0) };
  expect(await executing(fail, options, testContext({ attempt: 2 }))).toMatchObject({ retryDelayMs: 1500 });
  unregisterFunction('task');
  expect(await executing(fail, { backoff: '2s' })).toMatchObject({ retryable: true, retryDelayMs: undefined });
});

test('predicates that throw or answer nonsense are logged and ignored; the error is still the function’s', async () => {
  const context = testContext();
  const options = {
    retryIf: () => {
      throw new Error('predicate is broken');
    },
    backoff: () => Number.NaN,
  };
  const result = await executing(
    () => {
      throw new RangeError('real');
    },
    options,
    context,
  );
  expect(result).toMatchObject({ retryable: true, retryDelayMs: undefined, errorMessage: 'real' });
  expect(context.logged.map(([text]) => text)).toEqual([
    'retryIf of test threw, so it is ignored:',
    'backoff of test threw, so it is ignored:',
  ]);
});

test('F19 an unknown function is named, with what is known here, and never retried', async () => {
  defineFunction('tasks', {}, () => 1);
  const result = await execute([]);
  expect(result).toMatchObject({ ok: false, retryable: false });
  expect(thrownBy(result)).toBeInstanceOf(FlameUnknownFunctionError);
  expect(thrownBy(result)).toMatchObject({
    functionName: 'task',
    known: ['tasks'],
    message: 'no function "task" is registered here; tasks is. Did you mean "tasks"?',
  });
});

test.each(['__proto__', 'constructor', 'toString', '../x', 'node:fs', 'file:///etc/passwd', 'x'.repeat(100_000)])(
  'S-09 a hostile name runs nothing (%#)',
  async (functionName) => {
    const request = { payload: encode([]), functionName, context: testContext(), payloadLimit: LIMIT };
    expect(thrownBy(await executeFunction(request))).toBeInstanceOf(FlameUnknownFunctionError);
  },
);

test('damaged arguments, and ones that are no list, are codec errors', async () => {
  defineFunction('task', {}, () => 1);
  for (const payload of [{ json: '{"$":"Nope"}', parts: [] }, { json: '[', parts: [] }, encode({ length: 1 })]) {
    const result = await executeFunction({
      payload,
      functionName: 'task',
      context: testContext(),
      payloadLimit: LIMIT,
    });
    expect(result).toMatchObject({ ok: false, retryable: false });
    expect(thrownBy(result)).toBeInstanceOf(FlameCodecError);
  }
});

test('a closure runs with its captured variables, and one of another release is refused', async () => {
  const id = 'src/a.ts#run/0@abcdefghijkl';
  reg('src/a.ts', [
    [
      id,
      ({ a, b }) =>
        () =>
          (a as number) + (b as number),
      ['a', 'b'],
      1,
    ],
  ]);
  const request = { payload: encode([{ a: 1, b: 2 }]), functionName: id, context: testContext(), payloadLimit: LIMIT };
  const result = await executeFunction(request);
  expect(result.ok && decode(result.payload)).toBe(3);
  const other = { ...request, functionName: 'src/a.ts#run/0@zzzzzzzzzzzz', releases: { caller: 'r2', runner: 'r1' } };
  const refused = await executeFunction(other);
  expect(thrownBy(refused)).toBeInstanceOf(FlameReleaseError);
  expect(thrownBy(refused)).toMatchObject({ wanted: 'r2', found: 'r1' });
});
