/** Several apps on one server: an app sees nothing of another one, nor of the same one under another prefix. */
import { randomBytes } from 'node:crypto';
import { openOperations } from '@flamejs/dashboard/operations';
import { createFlame, type Flame } from '@flamejs/queue';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Fleet, startFleet, tasks } from '../support/fleet.ts';

const pools = { main: { max: 1, maxConcurrency: 2, timeout: '20s' } } as const;
const flames: Flame[] = [];
let fleet: Fleet;
beforeEach(async () => {
  fleet = await startFleet({ pools });
});
afterEach(async () => {
  for (const flame of flames.splice(0)) await flame.close();
  await fleet.stop();
});

test.each<[string, (own: Fleet['config']) => Partial<Fleet['config']>]>([
  ['another prefix', () => ({ prefix: `p${randomBytes(3).toString('hex')}` })],
  ['another app', () => ({ app: `t${randomBytes(3).toString('hex')}` })],
  // A name that begins with the other's must not be taken for it.
  ['an app whose name begins like it', ({ app }) => ({ app: `${app}x` })],
])('%s on the same server: neither calls nor runners nor pages cross', async (_, changes) => {
  const theirs = { ...fleet.config, ...changes(fleet.config) };
  const flame = createFlame(theirs, { logger: pino({ level: 'silent' }) });
  flames.push(flame);
  await fleet.runner();
  const handle = await flame.cast(tasks.echo.with({ id: 'same' }), 'theirs');
  expect(await fleet.flame.call(tasks.echo.with({ id: 'same' }), 'ours')).toBe('ours');
  // Our runner is idle, and leaves their call alone.
  expect(await handle.status()).toMatchObject({ state: 'waiting' });
  expect(await fleet.flame.attach(handle.id).result()).toBe('ours');
  const operations = openOperations(theirs, 'test');
  try {
    await operations.link.ready();
    expect(await operations.runners()).toEqual([]);
    expect((await operations.calls({ limit: 10 })).calls.map(({ state }) => state)).toEqual(['waiting']);
    // Their calls are found by none of our keys, and the other way round.
    const keys = await fleet.client.keys('*');
    const bases = [`{${theirs.prefix}:${theirs.app}`, `{${fleet.config.prefix}:${fleet.config.app}`];
    const belongsTo = (key: string, base: string) => key.startsWith(`${base}:`) || key.startsWith(`${base}}`);
    for (const key of keys)
      expect(
        bases.filter((base) => belongsTo(key, base)),
        key,
      ).toHaveLength(1);
  } finally {
    await operations.close();
  }
});
