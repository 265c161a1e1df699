/** Everything that an app does with Redis, done once: for servers of which it is to be shown that all of it works there. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { tuner } from '@flamejs/autoscaler/tuning';
import { createDashboard } from '@flamejs/dashboard';
import { type Operations, openOperations } from '@flamejs/dashboard/operations';
import type { Flame } from '@flamejs/queue';
import { expect } from 'vitest';
import { type Fleet, tasks } from '../support/fleet.ts';
import { settles, waitFor } from '../support/wait-for.ts';

type Redis = Fleet['config']['redis'];

/** Every way to call, with its values, errors and large bytes. */
export const useCalls = async (flame: Flame, folder: string): Promise<void> => {
  const value = { at: new Date(0), big: 10n ** 30n, set: new Set([1]) };
  expect(await flame.call(tasks.echo, value)).toEqual(value);
  await expect(flame.call(tasks.failRichly)).rejects.toMatchObject({ name: 'OrderError', orderId: 42 });
  // Too large for the job's hash on the way there, and for the reply stream on the way back.
  const large = randomBytes(300_000);
  expect(Buffer.from((await flame.call(tasks.reverse, large)) as Buffer)).toEqual(Buffer.from(large).reverse());
  const sums: unknown[] = [];
  for await (const sum of flame.map(tasks.add, [
    [1, 2],
    [3, 4],
    [5, 6],
  ]))
    sums.push(sum);
  expect(sums).toEqual([3, 7, 11]);
  expect(await flame.call(tasks.nested, 2, 3)).toMatchObject({ inner: 5 });
  expect(await flame.call(tasks.flaky.with({ retries: 2, backoff: 50 }), join(folder, 'flaky'), 2)).toBe(2);
  expect(await flame.call(tasks.echo.with({ delay: 300, priority: 3 }), 'later')).toBe('later');
  expect(await flame.call(tasks.echo.with({ deadline: '20s', queueTimeout: '20s' }), 'soon')).toBe('soon');
  expect(await flame.call(tasks.echo.with({ id: 'once' }), 1)).toBe(1);
  expect(await flame.call(tasks.echo.with({ id: 'once' }), 1)).toBe(1);
  expect(await flame.call(tasks.log, 'a line')).toBe(1);
};

/** Handles: progress, status, cancel, retry by hand, attach, linked calls, placed functions. */
export const useHandles = async (flame: Flame, other: Flame, folder: string): Promise<void> => {
  const reporting = await flame.cast(tasks.report, 3, 150);
  const seen: unknown[] = [];
  for await (const step of reporting.progress()) seen.push(step);
  expect(seen.at(-1)).toEqual({ step: 3, steps: 3 });
  expect(await other.attach(reporting.id).result()).toBe(3);

  const resting = await flame.cast(tasks.echo.with({ delay: '1h' }), 'never');
  expect(await resting.status()).toMatchObject({ state: 'delayed' });
  expect(await resting.cancel('no longer needed')).toBe('cancelled');
  await expect(resting.result()).rejects.toMatchObject({ name: 'FlameCancelledError' });

  const running = await flame.cast(tasks.waitOrAbort.with({ link: true }), 60_000);
  await waitFor(async () => (await running.status()).state === 'running', { what: 'it to run' });
  expect(await running.cancel()).toBe('stopping');
  await expect(running.result()).rejects.toMatchObject({ name: 'FlameCancelledError' });

  const file = join(folder, 'repaired');
  const failing = await flame.cast(tasks.failUntil, file, 'not yet');
  await expect(failing.result()).rejects.toThrow('not yet');
  const { writeFile } = await import('node:fs/promises');
  await writeFile(file, '');
  expect(await failing.retry()).toBe('retried');
  expect(await settles(failing.result(), { what: 'the call after its retry' })).toBe('repaired');

  const child = await flame.placeChild(tasks.service, { value: 'address' });
  expect(child.value).toMatchObject({ value: 'address' });
  await child.stop();
  await expect(child.ended).rejects.toMatchObject({ name: 'FlameCancelledError' });
};

/** Schedules, which the autoscaler's leader runs. */
export const useSchedules = async (flame: Flame, folder: string): Promise<void> => {
  const file = join(folder, `scheduled-${randomBytes(4).toString('hex')}`);
  const schedule = await flame.schedule('each-second', { every: '1s' }, tasks.effect, file);
  const { readFile } = await import('node:fs/promises');
  await waitFor(async () => (await readFile(file, 'utf8')).includes('end '), {
    what: 'a scheduled call to have run',
  });
  expect(await schedule.remove()).toBe(true);
};

/** What the pages, the API, Bull Board and the command line read and do. */
export const useDashboard = async (fleet: Fleet, redis: Redis = fleet.config.redis): Promise<void> => {
  const config = { ...fleet.config, redis };
  const operations: Operations = openOperations(config, 'test', tuner);
  const dashboard = createDashboard(config, { port: 0 });
  try {
    await operations.link.ready();
    await dashboard.start();
    const { origin } = new URL(dashboard.url);
    const failed = await fleet.flame.cast(tasks.fail, 'for the dashboard');
    await expect(failed.result()).rejects.toThrow('for the dashboard');
    const get = async (path: string): Promise<unknown> => {
      const answer = await fetch(`${origin}${path}`);
      expect(answer.status, path).toBe(200);
      return answer.headers.get('content-type')?.includes('json') ? answer.json() : answer.text();
    };
    expect(await get('/api/pools')).toMatchObject({ pools: [{ name: 'main' }, ...restOf(fleet)] });
    expect(await get('/api/pools/main')).toMatchObject({ pool: { name: 'main' } });
    expect(await get('/api/calls?state=failed')).toMatchObject({ total: expect.any(Number) });
    expect(await get(`/api/calls/${failed.id}`)).toMatchObject({ call: { state: 'failed' } });
    await get(`/api/calls/${failed.id}/arguments`);
    await get(`/api/calls/${failed.id}/outcome`);
    await get(`/api/calls/${failed.id}/logs`);
    await get('/metrics');
    expect(await get('/readyz')).toEqual({ ok: true });
    expect(JSON.stringify(await get('/queues/api/queues?activeQueue=main&page=1&jobsPerPage=10'))).toContain('main');
    await get('/queues/api/queues?activeQueue=main&status=failed&page=1&jobsPerPage=10');
    await get(`/queues/api/queues/main/${failed.id}`);

    await operations.act.pause('main');
    const held = await fleet.flame.cast(tasks.echo, 'held');
    expect(await held.status()).toMatchObject({ state: 'waiting' });
    expect((await operations.pools()).find(({ name }) => name === 'main')?.paused).toBe(true);
    await operations.act.resume('main');
    expect(await settles(held.result(), { what: 'the held call' })).toBe('held');
    expect(await operations.act.retry('main', failed.id)).toBe('retried');
    await expect(failed.result()).rejects.toThrow('for the dashboard');
    const resting = await fleet.flame.cast(tasks.echo.with({ delay: '1h' }), 'never');
    expect(await operations.act.cancel('main', resting.id, 'by an operator')).toBe('cancelled');
    expect((await operations.act.tune('main', { buffer: 1 })).effective.buffer).toBe(1);
    expect((await operations.replay('main', { buffer: 2 })).points).toBeInstanceOf(Array);
    expect((await operations.act.tune('main', { buffer: null })).live).toEqual({});
    const [runner] = await operations.runners('main');
    if (runner === undefined) throw new Error('the dashboard sees no runner');
    expect(await operations.act.drain('main', runner.runnerId)).toMatch(/ordered|draining/);
    expect((await operations.system()).redisVersion).not.toBe('');
  } finally {
    await dashboard.stop();
    await operations.close();
  }
};

const restOf = (fleet: Fleet): readonly unknown[] =>
  Object.keys(fleet.config.pools)
    .slice(1)
    .map((name) => ({ name }));
