/** S-20: what one call leaves behind, the next one in the same process does not find. */
import { statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { sharedPool, valueFrom } from './support.ts';

const pool = sharedPool();

interface View {
  readonly cwd: string;
  readonly temp: string;
  readonly planted: string | null;
  readonly path: string | null;
  readonly home: string | null;
  readonly umask: number;
  readonly exitCode: number | null;
  readonly listeners: number;
  readonly pid: number;
}

const look = async (): Promise<View> => (await valueFrom(pool.call('look-around'))) as View;

test('S-20 R-10 working directory, environment, umask, exit code and listeners are put back', async () => {
  const before = await look();
  const mess = (await valueFrom(pool.call('leave-mess'))) as { cwd: string; temp: string };
  expect(mess.cwd).toBe(`${before.temp}/sub`);
  const after = await look();
  expect(after).toMatchObject({
    pid: before.pid,
    cwd: before.cwd,
    planted: null,
    path: before.path,
    home: before.home,
    umask: before.umask,
    exitCode: null,
    listeners: before.listeners,
  });
});

test("the directory for temporary files is the executor's own and closed to others", async () => {
  const { temp } = await look();
  expect(temp).toContain('flame-executors-');
  expect(statSync(temp).mode & 0o777).toBe(0o700);
});

test('an abort reaches the function although an earlier one removed every listener', async () => {
  await valueFrom(pool.call('leave-mess'));
  expect(await pool.call('obey', [], { timeoutMs: 100, killGraceMs: 20_000 }).result).toMatchObject({
    kind: 'timeout',
  });
});

test('R-10 faults are noticed although an earlier call removed the handlers', async () => {
  await valueFrom(pool.call('remove-fault-handlers'));
  const result = await pool.call('reject-unhandled', ['noticed']).result;
  expect(result).toMatchObject({ kind: 'crashed', exitCode: 1 });
  expect(result.kind === 'crashed' ? result.stderr : '').toContain('Unhandled rejection: Error: noticed');
});
