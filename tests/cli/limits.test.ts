/** Limits from the command line: listed, and set while calls wait. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fleet, startFleet } from '../support/fleet.ts';
import { type Ran, flame as run } from './flame.ts';

let fleet: Fleet;
const flame = (...args: string[]): Promise<Ran> => run(args, { env: fleet.env });
beforeAll(async () => {
  fleet = await startFleet({ pools: { main: { max: 2, limits: { api: { concurrency: 1, rate: '500/1m' } } } } });
});
afterAll(() => fleet.stop());

test('L-15: flame limits lists limits and keys, and holds one key until it is taken back', async () => {
  const limited = fleet.flame.fn(
    'cliLimited',
    { pool: 'main', limit: { name: 'api', key: (who) => who } },
    (who: string) => who,
  );
  await fleet.flame.cast(limited, 'tenant-7');
  const held = await fleet.flame.cast(limited, 'tenant-7');
  expect((await flame('limits', '--json')).json).toMatchObject([
    { pool: 'main', limit: 'api', concurrency: 1, rate: '500/60000' },
  ]);
  const set = await flame('limits', 'set', 'main', 'api', '0', '--key', 'tenant-7');
  expect([set.code, set.output]).toEqual([0, expect.stringContaining('limit api of key tenant-7 is 0 now')]);
  const { text } = await fleet.flame.attach(held.id).status();
  expect(text).toMatch(/^it waits for the limit "api" of key "tenant-7": 1 of 0 run \(set by .+\), 0 before it$/);
  const { output } = await flame('limits', 'keys', 'main');
  expect(output).toMatch(/api\s+tenant-7\s+1\s+1/);
  expect((await flame('limits', 'set', 'main', 'api', 'config', '--key', 'tenant-7')).code).toBe(0);
  expect((await fleet.flame.attach(held.id).status()).text).toContain('1 of 1 run');
  const wrong = await flame('limits', 'set', 'main', 'apo', '3');
  expect([wrong.code, wrong.output]).toEqual([1, expect.stringContaining('knows no limit "apo"')]);
});
