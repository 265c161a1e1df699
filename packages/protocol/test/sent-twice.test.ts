/** A client repeats a command after a broken connection: what was carried out must not be carried out again. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runScript } from '../src/connect.ts';
import { finish, keys, move, type PoolFixture, startPool } from './support.ts';

let pool: PoolFixture;
beforeAll(async () => {
  pool = await startPool();
});
afterAll(() => pool.stop());

/** Everything that a call is made of, without clocks. */
const snapshot = async (id: string): Promise<unknown> => {
  const { client } = pool;
  const job = await client.hgetall(`${keys.queue}${id}`);
  const timeless = Object.fromEntries(Object.entries(job).filter(([field]) => !/since|On$|f:pz|timestamp/.test(field)));
  const lists = ['wait', 'active'].map((name) => client.lrange(`${keys.queue}${name}`, '0', '-1'));
  const sets = ['completed', 'failed', 'delayed'].map((name) => client.zrange(`${keys.queue}${name}`, '0', '-1'));
  const outcome = await client.hmget(keys.outcome(id), 'gen', 'head', 'body');
  return [timeless, await Promise.all(lists), await Promise.all(sets), outcome, await client.xlen(keys.reply('me'))];
};

test.each<[string, (id: string, attempt: number) => Promise<unknown>]>([
  ['finish', (id, attempt) => finish(pool, id, attempt, 'r1')],
  ['hand back', (id, attempt) => move(pool, id, attempt, 'r1')],
  ['delay', (id, attempt) => move(pool, id, attempt, 'r1', { delayMs: 60_000 })],
  ['retry', (id, attempt) => move(pool, id, attempt, 'r1', { kind: 'retry' })],
  [
    'park',
    (id, attempt) =>
      move(pool, id, attempt, 'r1', {
        kind: 'park',
        delayMs: 60_000,
        park: { wanted: 'r2', found: 'r1', why: 'strict' },
      }),
  ],
  ['release the runner', () => runScript(pool.client, 'flameReleaseRunner', [keys.queue, 'r1'])],
  ['renew', (id, attempt) => runScript(pool.client, 'flameRenew', [keys.queue, 60_000, id, attempt, 1, 'r1'])],
  ['hand back at the cost of a budget', (id, attempt) => move(pool, id, attempt, 'r1', { count: 'f:kill' })],
  ['look up', (id) => runScript(pool.client, 'flameLookup', [keys.queue, id, 'me', 100])],
])('R-20 sent twice after a broken connection, "%s" does what it does once', async (_, step) => {
  await pool.client.flushall();
  const id = await pool.accept({ waiter: 'me' });
  const attempt = (await pool.pickUp('r1'))?.attempt ?? 0;
  const send = async (): Promise<void> => {
    await step(id, attempt).catch(() => undefined);
  };
  await send();
  const once = await snapshot(id);
  await send();
  expect(await snapshot(id)).toEqual(once);
});
