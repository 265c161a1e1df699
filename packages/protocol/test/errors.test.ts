import { inspect } from 'node:util';
import { expect, test, vi } from 'vitest';
import * as errors from '../src/errors/index.ts';
import {
  configError,
  FlameCancelledError,
  FlameConfigError,
  FlameCrashError,
  FlameError,
  FlameTimeoutError,
  flameErrorClasses,
  isNonRetryable,
  NonRetryableError,
} from '../src/errors/index.ts';

const timeout = () => new FlameTimeoutError('ran out', { callId: 'images.abc', timeoutMs: 30_000, attempt: 2 });

/** Loads the error modules a second time, as a second installed copy of the package would be. */
const secondCopy = (): Promise<typeof errors> => {
  vi.resetModules();
  return import('../src/errors/index.ts');
};

test('an error carries its code, call, advice and typed fields as own data', () => {
  const error = timeout();
  expect({ ...error }).toEqual({
    code: 'FLAME_ERR_TIMEOUT',
    callId: 'images.abc',
    advice: FlameTimeoutError.advice,
    docs: 'https://unpkg.com/flamejs/docs/errors/FLAME_ERR_TIMEOUT.md',
    timeoutMs: 30_000,
    attempt: 2,
  });
  expect(error.name).toBe('FlameTimeoutError');
  expect(error.stack).toMatch(/^FlameTimeoutError: ran out\n/);
  expect(Object.keys(new FlameCancelledError('x', { reason: 'y' }))).not.toContain('callId');
});

test('instanceof holds across copies of the package, by class', async () => {
  const other = await secondCopy();
  expect(other.FlameTimeoutError).not.toBe(FlameTimeoutError);
  const foreign = new other.FlameTimeoutError('ran out', { timeoutMs: 1, attempt: 1 });
  expect(foreign instanceof FlameTimeoutError).toBe(true);
  expect(foreign instanceof FlameError).toBe(true);
  expect(foreign instanceof FlameCancelledError).toBe(false);
  expect(isNonRetryable(new other.NonRetryableError('no'))).toBe(true);
});

test('instanceof is not fooled by a code alone, by other errors or by non-objects', () => {
  for (const value of [
    { code: 'FLAME_ERR_TIMEOUT' },
    new Error('x'),
    new NonRetryableError('x'),
    null,
    'x',
    undefined,
  ]) {
    expect(value instanceof FlameError).toBe(false);
    expect(value instanceof FlameTimeoutError).toBe(false);
  }
});

test("a user's subclass matches its own instances only, and is an instance of its base", () => {
  class Mine extends FlameTimeoutError {}
  const mine = new Mine('x', { timeoutMs: 1, attempt: 1 });
  expect(mine instanceof Mine).toBe(true);
  expect(mine instanceof FlameTimeoutError).toBe(true);
  expect(timeout() instanceof Mine).toBe(false);
});

test('an error rebuilt without its constructor, from prototype and own fields, is the same error', () => {
  for (const [name, errorClass] of Object.entries(flameErrorClasses)) {
    expect(errorClass.prototype.name).toBe(name);
    const rebuilt: object = Object.create(errorClass.prototype);
    if (name === 'NonRetryableError') {
      expect(rebuilt instanceof NonRetryableError).toBe(true);
      continue;
    }
    Object.assign(rebuilt, { code: (errorClass as unknown as { code: string }).code });
    expect(rebuilt instanceof (errorClass as unknown as typeof FlameError)).toBe(true);
    expect(rebuilt instanceof FlameError).toBe(true);
  }
});

test('every exported class is in the table, with a code and an advice of its own', () => {
  const classes = Object.entries(errors).filter(([name]) => /Error$/.test(name) && /^[A-Z]/.test(name));
  expect(classes.map(([name]) => name).sort()).toEqual(Object.keys(flameErrorClasses).sort());
  const codes = classes.flatMap(([, value]) => (typeof value === 'function' && 'code' in value ? [value.code] : []));
  expect(new Set(codes).size).toBe(codes.length);
  for (const [name, value] of classes) {
    if (name === 'NonRetryableError' || name === 'FlameError') continue;
    expect(value).toHaveProperty('advice');
    expect((value as typeof FlameError).code).toMatch(/^FLAME_ERR_[A-Z_]+$/);
    expect((value as typeof FlameError).advice).not.toBe(FlameError.advice);
  }
  expect(Object.getPrototypeOf(flameErrorClasses)).toBe(null);
});

test('ER-13 toJSON leaves out stacks and stderr, and describes the cause', () => {
  const error = new FlameCrashError('died', {
    exitCode: null,
    signal: 'SIGSEGV',
    stderr: 'at secret (/srv/app/x.js:1)',
    cause: Object.assign(new TypeError('inner'), { secret: 1 }),
  });
  const json = JSON.parse(JSON.stringify(error)) as Record<string, unknown>;
  expect(json).toEqual({
    name: 'FlameCrashError',
    code: 'FLAME_ERR_CRASH',
    message: 'died',
    advice: FlameCrashError.advice,
    docs: 'https://unpkg.com/flamejs/docs/errors/FLAME_ERR_CRASH.md',
    exitCode: null,
    signal: 'SIGSEGV',
    cause: { name: 'TypeError', message: 'inner' },
  });
  expect(inspect(error)).toContain('SIGSEGV');
});

test('stderr keeps its last 4 KB and never starts inside a character', () => {
  const error = new FlameCrashError('died', { stderr: `${'ä'.repeat(5000)}x` });
  expect(Buffer.byteLength(error.stderr)).toBeLessThanOrEqual(4096);
  expect(error.stderr).toMatch(/^ä+x$/);
});

test('a config error lists every problem in its message', () => {
  const one = configError('flame.config', [{ path: 'pools.a.max', message: 'must be at least 1' }]);
  expect(one.message).toBe('flame.config: pools.a.max: must be at least 1');
  const two = configError('flame.config', [
    { path: 'a', message: 'x' },
    { path: '', message: 'y' },
  ]);
  expect(two.message).toBe('flame.config has 2 problems:\n  - a: x\n  - y');
  expect(two instanceof FlameConfigError && two.problems.length).toBe(2);
});

const TAIL = [
  "Error: Cannot find module 'sharp'",
  '    at Module._resolve (/srv/app/node_modules/tsx/dist/loader.mjs:12:3)',
  '    at async file:///srv/app/src/tasks/resize.ts:4:1',
  '{"level":50,"err":{"stack":"TypeError: x\\n    at f (/srv/app/a.js:1:2)\\n    at g (C:\\\\app\\\\b.js:3:4)"},"msg":"failed"}',
].join('\n');

test('A-05: an error as JSON has no stack lines and no absolute paths, whatever its message quotes', () => {
  const error = new errors.FlameBootError(`runner r1 ended: ${TAIL}`, { reason: TAIL, cause: new Error(TAIL) });
  const json = JSON.stringify(error);
  expect(json).toContain("Cannot find module 'sharp'");
  expect(json).toContain('failed');
  expect(json).not.toMatch(/\bat (?:Module|async|f|g)\b|\/srv|C:\\|resize\.ts:4/);
  expect(error.message).toContain('/srv/app');
});

test('A-05: nor have its own fields', () => {
  const error = new errors.FlameQueueTimeoutError('late', {
    waitedMs: 1,
    reason: `boot failed in /srv/app/tasks.ts: ${TAIL}`,
  });
  expect(error.toJSON().reason).toMatch(/^boot failed in tasks\.ts: Error: Cannot find module 'sharp'/);
  expect(JSON.stringify(error)).not.toContain('/srv');
  const config = new errors.FlameConfigError('x', {
    problems: [{ path: 'functions', message: 'no file /srv/app/x.ts' }],
  });
  expect(config.toJSON().problems).toEqual([{ path: 'functions', message: 'no file x.ts' }]);
});

test('A-05: what only looks like a path stays: addresses, fractions, pages, relative paths', () => {
  for (const text of [
    'https://host/a/b.html failed',
    '1/2 of 3/4',
    'see docs/redis.md',
    './src/a.ts',
    'rediss://h:1/0',
  ]) {
    expect(new errors.FlameRemovedError(text).toJSON().message).toBe(text);
  }
});
