/** F10: an executor that dies touches exactly its own call, and the result names the cause. */
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { testPool, valueFrom, waitFor } from './support.ts';

const MEGABYTE = 1024 * 1024;

// Slots for the victim and a neighbour, which must not notice anything.
const victims = () => testPool({ slots: 2 });
const withNeighbour = async (act: (pool: ReturnType<typeof victims>) => Promise<void>): Promise<void> => {
  const pool = victims();
  const neighbour = pool.call('obey', []);
  await waitFor(() => neighbour.started, { what: 'the neighbour to start' });
  await act(pool);
  expect(await valueFrom(pool.call('echo', ['next']))).toEqual(['next']);
  neighbour.cancel('done');
  expect(await neighbour.result).toEqual({ kind: 'cancelled', reason: 'done' });
};

test('ER-09 F10 R-10 process.exit is a crash, also with code 0; uncaught errors and rejections are, with their stack', async () => {
  await withNeighbour(async (pool) => {
    for (const code of [0, 3])
      expect(await pool.call('exit', [code]).result).toMatchObject({
        kind: 'crashed',
        exitCode: code,
        signal: null,
        byOutsider: false,
      });
    const thrown = await pool.call('throw-in-timer', ['broken timer']).result;
    expect(thrown).toMatchObject({ kind: 'crashed', exitCode: 1, byOutsider: false });
    expect(thrown.kind === 'crashed' ? thrown.stderr : '').toMatch(
      /Uncaught Error: broken timer\n\s+at .*functions\.mjs/,
    );
    const rejected = await pool.call('reject-unhandled', ['broken promise']).result;
    expect(rejected).toMatchObject({ kind: 'crashed', exitCode: 1 });
    expect(rejected.kind === 'crashed' ? rejected.stderr : '').toContain('Unhandled rejection: Error: broken promise');
  });
});

test.each([
  ['reject-own-handler', 'Unhandled rejection: Error: my reason'],
  ['reject-unhandled', 'Unhandled rejection: Error: my reason'],
  ['throw-in-timer', 'Uncaught Error: my reason'],
])('C-75: %s names what nothing caught, whatever handlers the function has', async (name, fault) => {
  await withNeighbour(async (pool) => {
    expect(await pool.call(name, ['my reason']).result).toMatchObject({ kind: 'crashed', exitCode: 1, fault });
  });
});

test('F10 abort and a native crash name their signal', async () => {
  await withNeighbour(async (pool) => {
    expect(await pool.call('abort').result).toMatchObject({ kind: 'crashed', signal: 'SIGABRT', byOutsider: false });
    expect(await pool.call('signal', ['SIGSEGV']).result).toMatchObject({
      kind: 'crashed',
      signal: 'SIGSEGV',
      byOutsider: false,
    });
  });
});

test('TK-04 F10 R-07 a SIGKILL from outside makes the call suspect, not guilty', async () => {
  await withNeighbour(async (pool) => {
    for (let time = 0; time < 3; time += 1)
      expect(await pool.call('signal', ['SIGKILL']).result).toMatchObject({
        kind: 'crashed',
        exitCode: null,
        signal: 'SIGKILL',
        byOutsider: true,
      });
  });
});

test('what the function wrote to stderr last comes with the crash, at most 4 KB of it', async () => {
  const pool = testPool();
  const result = await pool.call('stderr-then-exit', [`${'x'.repeat(10_000)}the end`, 2]).result;
  const stderr = result.kind === 'crashed' ? result.stderr : '';
  expect(stderr).toMatch(/x{100}the end$/);
  expect(stderr.length).toBe(4096);
});

test('SD-02 SIGTERM to the executors is not theirs to obey: the runner decides', async () => {
  const pool = testPool();
  const call = pool.call('sleep', [300]);
  await waitFor(() => call.started, { what: 'the call to start' });
  for (const pid of pool.pids) for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.kill(pid, signal);
  expect(await call.result).toMatchObject({ kind: 'returned' });
});

test('an exit handler that hangs does not keep the slot', async () => {
  const pool = testPool();
  expect(await pool.call('exit-and-hang', [], { timeoutMs: 1_000, killGraceMs: 100 }).result).toEqual({
    kind: 'timeout',
    timeoutMs: 1_000,
  });
  expect(await valueFrom(pool.call('echo', [1]))).toEqual([1]);
});

test('F10 R-08 running out of V8 heap is a memory error', async () => {
  const pool = testPool({ memoryLimit: 160 * MEGABYTE });
  const result = await pool.call('heap', [], { timeoutMs: 60_000 }).result;
  expect(result).toMatchObject({ kind: 'memory', limitBytes: 160 * MEGABYTE });
});

test('R-08 running out of V8 heap without a limit of our own names the limit of V8', async () => {
  const pool = testPool({ execArgv: ['--max-old-space-size=48'] });
  const result = await pool.call('heap', [], { timeoutMs: 60_000 }).result;
  expect(result.kind).toBe('memory');
  expect(result.kind === 'memory' ? result.limitBytes : 0).toBeGreaterThan(40 * MEGABYTE);
});

test.runIf(existsSync('/proc/self/status'))('F10 R-08 Buffers, which V8 does not limit, are watched', async () => {
  const pool = testPool({ memoryLimit: 256 * MEGABYTE });
  const result = await pool.call('buffers', [2_000]).result;
  expect(result).toMatchObject({ kind: 'memory', limitBytes: 256 * MEGABYTE });
  expect(result.kind === 'memory' ? result.usedBytes : 0).toBeGreaterThan(256 * MEGABYTE);
  expect(await valueFrom(pool.call('echo', [1]))).toEqual([1]);
});

test.runIf(existsSync('/proc/self/status'))('R-08 the memory of children counts', async () => {
  const pool = testPool({ memoryLimit: 400 * MEGABYTE });
  expect(await pool.call('spawn-and-memory').result).toMatchObject({ kind: 'memory' });
});

test.runIf(existsSync('/proc/self/status'))(
  'an executor that keeps much memory between calls is replaced before the next one pays for it',
  async () => {
    const pool = testPool({ memoryLimit: 400 * MEGABYTE });
    const pid = (await valueFrom(pool.call('keep', [300]))) as number;
    await waitFor(() => !pool.pids.includes(pid), { what: 'the executor to be replaced' });
    expect(await valueFrom(pool.call('pid'))).not.toBe(pid);
  },
);

test('a function that cuts the channel to its runner ends as a crash of its own', async () => {
  const pool = testPool();
  expect(await pool.call('disconnect').result).toMatchObject({ kind: 'crashed', byOutsider: false });
  expect(await valueFrom(pool.call('echo', [1]))).toEqual([1]);
});

test('a function that writes to the channel of its executor ends as a crash that says so', async () => {
  const pool = testPool();
  const result = await pool.call('garbage').result;
  expect(result).toMatchObject({ kind: 'crashed', byOutsider: false });
  expect(result.kind === 'crashed' && result.stderr).toContain('the channel to its runner was used by other code');
  expect(await valueFrom(pool.call('echo', [1]))).toEqual([1]);
});

test('R-03 executors killed at random take only their own calls with them, and every call settles', async () => {
  const pool = testPool({ slots: 2, spare: 1 });
  await pool.start();
  let kills = 0;
  let settled = 0;
  let settledAtKill = -1;
  const calls = Array.from({ length: 200 }, () => pool.call('sleep', [20]));
  for (const call of calls) void call.result.then(() => (settled += 1));
  const killer = setInterval(() => {
    const { pids } = pool;
    const victim = pids[Math.floor(Math.random() * pids.length)];
    // One after the other: whoever kills faster than executors boot has a pool without any.
    if (victim === undefined || kills >= 6 || settled === settledAtKill) return;
    try {
      process.kill(victim, 'SIGKILL');
      kills += 1;
      settledAtKill = settled;
    } catch {
      // It has just ended by itself.
    }
  }, 250);
  const results = await Promise.all(calls.map((call) => call.result)).finally(() => clearInterval(killer));
  const lost = results.filter(({ kind }) => kind !== 'returned');
  expect(kills).toBeGreaterThan(0);
  expect(lost.length).toBeLessThanOrEqual(kills);
  for (const result of lost) expect(result).toMatchObject({ kind: 'crashed', byOutsider: true });
});
