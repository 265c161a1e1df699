/** a fault that shows after its call has ended recycles the executor, and is never blamed on the next call. */
import { expect, test } from 'vitest';
import { testPool, valueFrom, waitFor } from './support.ts';

test.each(['leave-rejection', 'leave-throw'])('%s: the value stands, and the executor is replaced', async (leave) => {
  const pool = testPool();
  const pid = await valueFrom(pool.call(leave, [1]));
  await waitFor(() => !pool.pids.includes(pid as number), { what: 'the executor to be replaced' });
  expect(await valueFrom(pool.call('pid'))).not.toBe(pid);
});

test.each(['leave-rejection', 'leave-throw', 'leave-exit'])(
  '%s: the call that runs meanwhile is not to blame',
  async (leave) => {
    const pool = testPool();
    const pid = await valueFrom(pool.call(leave, [300]));
    const innocent = pool.call('sleep', [20_000]);
    const result = await innocent.result;
    expect(result).toMatchObject({ kind: 'late-fault', started: true });
    expect(result.kind === 'late-fault' ? result.message : '').toMatch(/left behind|exit code 5/);
    expect(await valueFrom(pool.call('pid'))).not.toBe(pid);
  },
);

test('a call that the executor never begins, because an earlier one keeps it busy, is not timed out for it', async () => {
  const pool = testPool({ startTimeoutMs: 1_500 });
  const pid = await valueFrom(pool.call('leave-spin'));
  const innocent = pool.call('pid', [], { timeoutMs: 200 });
  expect(await innocent.result).toMatchObject({ kind: 'late-fault', started: false });
  expect(innocent.started).toBe(false);
  expect(await valueFrom(pool.call('pid'))).not.toBe(pid);
});

test('a call whose executor is lost before it began moves to another one unseen', async () => {
  const pool = testPool();
  const pid = (await valueFrom(pool.call('leave-spin'))) as number;
  // It sits in the channel of an executor that is busy with other things, and dies.
  const innocent = pool.call('pid');
  await waitFor(() => !innocent.started, { what: 'the call to be handed over' });
  process.kill(pid, 'SIGKILL');
  expect(await valueFrom(innocent)).not.toBe(pid);
});

test('S-20 a call that deletes its working directory does not take it from the next one', async () => {
  const pool = testPool();
  const { cwd } = (await valueFrom(pool.call('look-around'))) as { cwd: string };
  await valueFrom(pool.call('delete-cwd'));
  expect(await valueFrom(pool.call('look-around'))).toMatchObject({ cwd });
});
