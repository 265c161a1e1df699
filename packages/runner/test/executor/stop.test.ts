/** Deadlines, cancels and kills: what is to be over is really over, and nobody else notices. */
import { expect, test } from 'vitest';
import { isAlive } from '../../../../tests/support/processes.ts';
import { familyPids, sharedPool, testPool, valueFrom, waitFor } from './support.ts';

const shared = sharedPool();

test('TK-14 F08 R-06 a busy loop ends at its timeout, with its process, and the next call is served', async () => {
  const pool = testPool({ spare: 1 });
  await pool.start();
  const call = pool.call('pid-then-spin', [600_000], { timeoutMs: 300, killGraceMs: 100 });
  const spinning = await waitFor(() => pidIn(call.lines), { what: 'the loop to begin' }).catch(() => undefined);
  expect(await call.result).toEqual({ kind: 'timeout', timeoutMs: 300 });
  if (spinning !== undefined) expect(isAlive(spinning)).toBe(false);
  expect(await valueFrom(pool.call('echo', [1]))).toEqual([1]);
});

test('P14 the thread of the runner goes on while user code blocks its own', async () => {
  const call = shared.call('spin', [2_000]);
  await waitFor(() => call.started, { what: 'the call to start' });
  let ticks = 0;
  const timer = setInterval(() => {
    ticks += 1;
  }, 20);
  await call.result;
  clearInterval(timer);
  expect(ticks).toBeGreaterThan(10);
});

test('F08 a function that obeys its signal ends in time, learns why, and its executor is kept', async () => {
  const pid = await valueFrom(shared.call('pid'));
  const call = shared.call('obey', [], { timeoutMs: 200, killGraceMs: 20_000 });
  expect(await call.result).toEqual({ kind: 'timeout', timeoutMs: 200 });
  expect(JSON.parse(call.lines[0] ?? '')).toMatchObject({
    name: 'FlameTimeoutError',
    code: 'FLAME_ERR_TIMEOUT',
    timeoutMs: 200,
  });
  expect(await valueFrom(shared.call('pid'))).toBe(pid);
});

test('F16 a value or an error that comes within the grace is too late', async () => {
  expect(await shared.call('obey', [], { timeoutMs: 100, killGraceMs: 20_000 }).result).toMatchObject({
    kind: 'timeout',
  });
  expect(await shared.call('obey-by-throwing', [], { timeoutMs: 100, killGraceMs: 20_000 }).result).toMatchObject({
    kind: 'timeout',
  });
});

test('TK-17 F07 the timeout counts execution, not waiting for an executor', async () => {
  const first = shared.call('sleep', [1_500]);
  const second = shared.call('sleep', [500], { timeoutMs: 1_400 });
  expect(await first.result).toMatchObject({ kind: 'returned' });
  expect(await second.result).toMatchObject({ kind: 'returned' });
});

test('an endless timeout never fires, and one beyond what a timer can hold does not fire at once', async () => {
  expect(await valueFrom(shared.call('echo', [1], { timeoutMs: Number.POSITIVE_INFINITY }))).toEqual([1]);
  expect(await valueFrom(shared.call('sleep', [50], { timeoutMs: 2 ** 40 }))).toBeTypeOf('number');
});

test('F15 a cancel aborts the signal with the reason; a function that obeys keeps its executor', async () => {
  const pid = await valueFrom(shared.call('pid'));
  const call = shared.call('obey', [], { killGraceMs: 20_000 });
  await waitFor(() => call.started, { what: 'the call to start' });
  call.cancel('the user left');
  call.cancel('a second reason changes nothing');
  expect(await call.result).toEqual({ kind: 'cancelled', reason: 'the user left' });
  expect(JSON.parse(call.lines[0] ?? '')).toMatchObject({ name: 'FlameCancelledError', reason: 'the user left' });
  expect(await valueFrom(shared.call('pid'))).toBe(pid);
});

test('TK-20 F15 a cancelled busy loop is killed after its grace', async () => {
  const pool = testPool();
  const call = pool.call('spin', [600_000], { killGraceMs: 100 });
  await waitFor(() => call.started, { what: 'the call to start' });
  call.cancel('enough');
  expect(await call.result).toEqual({ kind: 'cancelled', reason: 'enough' });
});

test('a call that is cancelled or abandoned while it waits never starts', async () => {
  const busy = shared.call('sleep', [300]);
  const cancelled = shared.call('pid');
  const abandoned = shared.call('pid');
  cancelled.cancel('changed my mind');
  abandoned.abandon();
  expect(await cancelled.result).toEqual({ kind: 'cancelled', reason: 'changed my mind' });
  expect(await abandoned.result).toEqual({ kind: 'abandoned', started: false });
  expect(shared.active).toBe(1);
  expect(await busy.result).toMatchObject({ kind: 'returned' });
});

test('an abandoned call is dead at once, without a grace', async () => {
  const pool = testPool();
  const call = pool.call('obey', [], { killGraceMs: 600_000 });
  await waitFor(() => call.started, { what: 'the call to start' });
  const [pid] = pool.pids;
  call.abandon();
  expect(await call.result).toEqual({ kind: 'abandoned', started: true });
  expect(isAlive(pid ?? 0)).toBe(false);
});

test('settling twice changes nothing: cancel and abandon after the end', async () => {
  const call = shared.call('echo', [1]);
  expect(await valueFrom(call)).toEqual([1]);
  call.cancel('late');
  call.abandon();
  expect(await valueFrom(shared.call('echo', [2]))).toEqual([2]);
});

test('TK-10 R-09 children, detached ones, those of another session and a double fork die with their call', async () => {
  const pool = testPool();
  const kinds = ['plain', 'setsid', 'detached', 'double', 'pipe'];
  const call = pool.call('children', [kinds], { killGraceMs: 100 });
  await waitFor(() => call.lines.includes('started'), { what: 'the children to start' });
  // One executor, and a shell with its sleep for each kind.
  await waitFor(() => familyPids().filter((pid) => !shared.pids.includes(pid)).length > kinds.length, {
    what: 'the family to be complete',
  });
  const family = familyPids().filter((pid) => !shared.pids.includes(pid));
  const [executor] = pool.pids;
  call.cancel('enough');
  expect(await call.result).toEqual({ kind: 'cancelled', reason: 'enough' });
  expect(family).toContain(executor);
  await waitFor(() => family.every((pid) => !isAlive(pid)), { what: 'the family to be gone' });
});

test('R-09 a child that cannot be told by its environment dies with the process group', async () => {
  const call = testPool().call('child-without-environment', [], { killGraceMs: 100 });
  await waitFor(() => pidIn(call.lines) !== undefined, { what: 'the child to start' });
  const pid = pidIn(call.lines) ?? 0;
  expect(isAlive(pid)).toBe(true);
  call.cancel('enough');
  await call.result;
  await waitFor(() => !isAlive(pid), { what: 'the child to be gone' });
});

test('TK-13 R-09 what an executor has started does not outlive its crash, even when it holds the pipes open', async () => {
  const pool = testPool();
  expect(await pool.call('children-then-crash').result).toMatchObject({ kind: 'crashed', exitCode: 3 });
  const others = () => familyPids().filter((pid) => !shared.pids.includes(pid) && !pool.pids.includes(pid));
  await waitFor(() => others().length === 0, { what: 'the child to be gone', found: others });
});

const pidIn = (lines: readonly string[]): number | undefined => {
  const match = /^pid (\d+)$/.exec(lines[0] ?? '');
  return match === null ? undefined : Number(match[1]);
};
