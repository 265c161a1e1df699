/** A pool that was taken out of the config while calls of it wait: nobody serves them, and everybody says so. */

import { appKeys } from '@flamejs/protocol';
import { FlameDeadlineError, FlameQueueTimeoutError } from '@flamejs/queue';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { flame as run } from './cli/flame.ts';
import { type Fleet, startFleet } from './support/fleet.ts';
import { settles, waitFor } from './support/wait-for.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet({ pools: { main: { max: 1 }, old: { max: 1 } } });
});
afterAll(() => fleet.stop());

/** The command line of the new config. */
const flame = (...args: string[]) =>
  run(args, { env: { ...fleet.env, FLAME_TEST_POOLS: JSON.stringify({ main: { max: 1 } }) } });
const old = (options: object = {}) =>
  fleet.flame.fn('of-old', { pool: 'old', ...options } as { pool: 'old' }, (..._args: unknown[]): unknown => undefined);
const known = async (): Promise<readonly string[]> =>
  fleet.client.smembers(appKeys(fleet.config.prefix, fleet.config.app).called);

test('C-76: calls of a pool that nobody serves are shown, keep their bounds, are warned of and can be cancelled', async () => {
  const waiting = await fleet.flame.cast(old(), 1);
  const bounded = await fleet.flame.cast(old().with({ deadline: '1s' }), 2);
  const queued = await fleet.flame.cast(old().with({ queueTimeout: '1s' }), 3);
  await waitFor(async () => (await known()).includes('old'), { what: 'the pool to be known' });

  // Everything restarts with a config that has the pool no more.
  const { main } = fleet.config.pools;
  if (main === undefined) throw new Error('no pool main');
  await fleet.autoscaler({}, { pools: { main } });
  const outcomes = [bounded, queued].map((handle) => handle.result().catch((error: unknown) => error));
  const [deadline, timeout] = await settles(Promise.all(outcomes), { what: 'the bounded calls' });
  expect(deadline).toBeInstanceOf(FlameDeadlineError);
  expect(timeout).toBeInstanceOf(FlameQueueTimeoutError);
  await waitFor(async () => (await waiting.status()).reason === 'blocked', { what: 'the reason to be known' });
  expect((await waiting.status()).text).toContain('the config has no pool "old"');

  const status = await flame('status');
  expect([status.code, status.output]).toEqual([
    1,
    expect.stringMatching(/^old {3}1 waiting; no runners: the config has no such pool: nobody serves it$/m),
  ]);
  const doctor = await flame('doctor');
  expect(doctor.output).toMatch(/warn +pool old: 1 waiting/);
  expect((await flame('calls', 'ls', '--state', 'waiting')).output).toContain(waiting.id);
  expect((await flame('calls', 'cancel', waiting.id)).output).toContain('is cancelled');
  await expect(waiting.result()).rejects.toMatchObject({ code: 'FLAME_ERR_CANCELLED' });

  // Many at once, delayed ones too; those of another function stay.
  const another = fleet.flame.fn('of-old-too', { pool: 'old' } as { pool: 'old' }, (..._: unknown[]): unknown => 1);
  const other = await fleet.flame.cast(another, 1);
  const many = await Promise.all(
    Array.from({ length: 150 }, (_, i) => fleet.flame.cast(old(i % 2 === 0 ? {} : { delay: '1h' }), i)),
  );
  expect(await flame('calls', 'cancel', '--waiting')).toMatchObject({
    code: 1,
    output: expect.stringMatching(/--pool/),
  });
  const all = ['calls', 'cancel', '--waiting', '--pool', 'old', '--json'];
  expect((await flame(...all, '--function', 'of-old')).json).toEqual({ cancelled: 150 });
  await expect(many[149]?.result()).rejects.toMatchObject({ code: 'FLAME_ERR_CANCELLED' });
  expect((await other.status()).state).toBe('waiting');
  expect((await flame(...all)).json).toEqual({ cancelled: 1 });
  expect((await flame('calls', 'ls', '--pool', 'nobody')).output).toContain('there is no pool "nobody"');
});

test('C-76: a pool of which nothing is left is forgotten', async () => {
  const { queue } = fleet.keys('old');
  await fleet.client.del(`${queue}failed`, `${queue}completed`);
  await waitFor(async () => !(await known()).includes('old'), { what: 'the pool to be forgotten' });
  expect((await flame('status')).output).not.toMatch(/^old/m);
});

test('C-76: a schedule of such a pool casts nothing, and is warned of', async () => {
  await fleet.flame.schedule('left-over', { every: '1h' }, old(), 1);
  const { scheduleMoments, queue } = fleet.keys('old');
  await fleet.client.zadd(scheduleMoments, 1, 'left-over');
  const status = await flame('status');
  expect(status.output).toContain('1 schedule of pool "old" cast nothing: the config has no such pool');
  expect(await fleet.client.llen(`${queue}wait`)).toBe(0);
});
