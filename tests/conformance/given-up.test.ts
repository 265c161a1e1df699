/** What callers hear of a pool whose runners do not boot: soon, and the same whoever ends the waiting. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { local } from '@flamejs/autoscaler/local';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startFleet, tasks } from '../support/fleet.ts';
import { settles, waitFor } from '../support/wait-for.ts';

const logger = pino({ level: 'silent' });
let folder: string;
let broken: ReturnType<typeof local>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flame-broken-'));
  const command = join(folder, 'broken.mjs');
  await writeFile(command, "process.stderr.write('Error: the image is broken\\n'); process.exit(7);");
  broken = local({ command, logger });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'it did not fail',
    (error: unknown) => error,
  );

test('C-35: a caller hears that all runners fail to boot as soon as the autoscaler has given up', async () => {
  // The default bound of a call would be bootTimeout + 30 s.
  await using fleet = await startFleet({ pools: { main: { max: 2, bootTimeout: '5m' } } });
  await fleet.autoscaler({ defaultBackend: broken });
  const error = await settles(failureOf(fleet.flame.call(tasks.echo, 1)), { what: 'the call', timeoutMs: 60_000 });
  expect(error).toMatchObject({ code: 'FLAME_ERR_BOOT' });
  expect(String(error)).toMatch(/no runner of pool "main" could be started: .*code 7.*the image is broken/);
});

test('C-34: a cast that the autoscaler ends while boots fail has the reason and the class that a caller would have', async () => {
  await using fleet = await startFleet({ pools: { main: { max: 1, bootTimeout: '5m' } } });
  await fleet.autoscaler({ defaultBackend: broken });
  const handle = await fleet.flame.cast(tasks.echo.with({ queueTimeout: '5s' }), 1);
  // Nobody waits for it in this process: the autoscaler alone ends it.
  const client = fleet.client;
  const stored = async (): Promise<string> => (await client.hget(fleet.keys().outcome(handle.id), 'head')) ?? '';
  await expect.poll(stored, { timeout: 30_000 }).toContain('FlameBootError');
  const error = await settles(failureOf(handle.result()), { what: 'the outcome' });
  expect(error).toMatchObject({ code: 'FLAME_ERR_BOOT' });
  expect(String(error)).toMatch(/code 7.*the image is broken/);
  expect(String(error)).not.toMatch(/no autoscaler/);
});

test('C-34: one that ends while all slots are taken says so; C-33: a caller whose runner was killed hears how it ended', async () => {
  await using fleet = await startFleet({ pools: { main: { max: 1, maxConcurrency: 1 } } });
  await fleet.autoscaler();
  const call = failureOf(fleet.flame.call(tasks.wait.with({ onRunnerLost: 'fail', timeout: '60s' }), 60_000, 1));
  const runner = await waitFor(async () => (await fleet.runners()).find(({ active }) => active === 1), {
    what: 'the call to run',
    timeoutMs: 60_000,
  });
  const late = await fleet.flame.cast(tasks.echo.with({ queueTimeout: '1s' }), 1);
  const busy = await settles(failureOf(late.result()), { what: 'the end of its waiting' });
  expect(busy).toMatchObject({ code: 'FLAME_ERR_QUEUE_TIMEOUT' });
  expect(String(busy)).toMatch(/slot|free|executors/);
  expect(String(busy)).not.toMatch(/no runner|no autoscaler/);
  process.kill(runner.pid, 'SIGKILL');
  const error = await settles(call, { what: 'the call', timeoutMs: 60_000 });
  expect(error).toMatchObject({ code: 'FLAME_ERR_RUNNER_LOST' });
  expect(String(error)).toMatch(/was lost \(ended by SIGKILL/);
});
