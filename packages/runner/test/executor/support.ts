/** Pools for tests: closed after each test, and counted afterwards. */
import { readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { decode, encode, packPayload, unpackPayload } from '@flamejs/queue/internal';
import { createExecutorPool } from '@flamejs/runner';
import { afterAll, afterEach, expect } from 'vitest';
import { processesMarked } from '../../../../tests/support/marked.ts';
import { settles, waitFor } from '../../../../tests/support/wait-for.ts';
import { MARK_ENV } from '../../src/executor/markers.ts';
import type {
  Execution,
  ExecutionListener,
  ExecutionResult,
  ExecutorPool,
  ExecutorPoolOptions,
  RunningExecution,
} from '../../src/executor/types.ts';

export { settles, waitFor };

export const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

export interface TestPool extends ExecutorPool {
  /** What the pool logged at level `warn`. */
  readonly warnings: readonly string[];
  /** Output that belonged to no call. */
  readonly lines: readonly string[];
  call(functionName: string, args?: readonly unknown[], options?: CallOptions): TestCall;
}

export interface CallOptions extends Partial<Omit<Execution, 'args' | 'functionName'>> {
  readonly args?: Execution['args'];
  readonly listener?: ExecutionListener;
}

export interface TestCall extends RunningExecution {
  readonly lines: readonly string[];
  readonly progress: readonly unknown[];
}

// Executors are started from the built package, as users start them; a build of older source would test something else.
const sources = fileURLToPath(new URL('../../src/executor/', import.meta.url));
const builtAt = statSync(new URL('../../tsconfig.tsbuildinfo', import.meta.url)).mtimeMs;
for (const file of readdirSync(sources, { recursive: true, encoding: 'utf8' }))
  if (file.endsWith('.ts') && statSync(sources + file).mtimeMs > builtAt)
    throw new Error(`${file} is newer than its build: run npx tsc -b packages/runner`);

const open: ExecutorPool[] = [];
const shared: ExecutorPool[] = [];

/** A pool for one test, closed after it. One executor and no spare, unless asked for. */
export const testPool = (options: Partial<ExecutorPoolOptions> = {}): TestPool => {
  const pool = createTestPool(options);
  open.push(pool);
  return pool;
};

/** A pool for all tests of a file: for those that leave their executor as they found it. */
export const sharedPool = (options: Partial<ExecutorPoolOptions> = {}): TestPool => {
  const pool = createTestPool(options);
  shared.push(pool);
  return pool;
};

const createTestPool = (options: Partial<ExecutorPoolOptions>): TestPool => {
  const warnings: string[] = [];
  const lines: string[] = [];
  const pool = createExecutorPool({
    slots: 1,
    spare: 0,
    isolation: 'process',
    modules: [fixture('functions.mjs')],
    logger: {
      debug: () => {},
      info: () => {},
      warn: (fields, message) => warnings.push(`${message} ${JSON.stringify(fields)}`),
    },
    onLog: (line) => lines.push(line),
    ...options,
  });
  const call: TestPool['call'] = (functionName, args = [], { listener, ...rest } = {}) => {
    const callLines: string[] = [];
    const progress: unknown[] = [];
    const running = pool.execute(
      {
        callId: 'test.call',
        functionName,
        args: packPayload(encode(args, { limit: LIMIT })),
        attempt: 1,
        runnerLosses: 0,
        timeoutMs: 30_000,
        killGraceMs: 200,
        payloadLimit: LIMIT,
        pool: 'test',
        ...rest,
      },
      {
        onLog: (line) => callLines.push(line),
        onProgress: (json) => progress.push(JSON.parse(Buffer.from(json).toString())),
        ...listener,
      },
    );
    return Object.defineProperties(Object.create(running) as TestCall, {
      lines: { value: callLines },
      progress: { value: progress },
      result: { get: () => settles(running.result, { what: functionName }) },
      started: { get: () => running.started },
      cancel: { value: (reason: string) => running.cancel(reason) },
      abandon: { value: () => running.abandon() },
    });
  };
  return Object.defineProperties(Object.create(pool) as TestPool, {
    warnings: { value: warnings },
    lines: { value: lines },
    call: { value: call },
  });
};

/** @returns the decoded value. Fails with what came instead. */
export const valueFrom = async (call: RunningExecution): Promise<unknown> => {
  const result = await call.result;
  if (result.kind !== 'returned') throw new Error(`expected a value, got ${describe(result)}`);
  return decode(unpackPayload(result.frame), { limit: LIMIT });
};

/** @returns the decoded error and what the executor said of it. */
export const errorFrom = async (
  call: RunningExecution,
): Promise<Extract<ExecutionResult, { kind: 'threw' }> & { readonly error: Error & Record<string, unknown> }> => {
  const result = await call.result;
  if (result.kind !== 'threw') throw new Error(`expected an error, got ${describe(result)}`);
  return { ...result, error: decode(unpackPayload(result.frame)) as Error & Record<string, unknown> };
};

/** 64 MB, as `payloadLimit` below. */
const LIMIT = 64 * 1024 * 1024;

const describe = (result: ExecutionResult): string =>
  JSON.stringify('frame' in result ? { ...result, frame: String(decode(unpackPayload(result.frame))) } : result);

/** Executors of this file's pools, and what they started. */
export const familyPids = (): readonly number[] => processesMarked(MARK_ENV, `${process.pid}-`).map(({ pid }) => pid);

afterEach(async () => {
  await Promise.all(open.splice(0).map((pool) => pool.close()));
  const mayLive = new Set(shared.flatMap(({ pids }) => pids));
  const left = familyPids().filter((pid) => !mayLive.has(pid));
  expect(left, 'processes left by a closed pool').toEqual([]);
});

afterAll(async () => {
  await Promise.all(shared.splice(0).map((pool) => pool.close()));
  expect(familyPids(), 'processes left by a closed pool').toEqual([]);
});
