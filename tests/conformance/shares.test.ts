/** Two runners and several callers of one pool: who gets what, how often, and with which data. Cases of the pain corpus. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LOCK_MS, STALLED_CHECK_MS } from '@flamejs/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fleet, startFleet, tasks } from '../support/fleet.ts';
import { bySize } from '../support/tier.ts';
import { waitFor } from '../support/wait-for.ts';

let fleet: Fleet;
let folder: string;
beforeAll(async () => {
  // Everything but the name is a default, one slot for each runner among them. No autoscaler looks after these runners.
  const alone = { FLAME_TEST_APP: JSON.stringify({ failsafeTimeout: '1h' }) };
  fleet = await startFleet({ pools: { main: {} }, env: alone });
  folder = await mkdtemp(join(tmpdir(), 'flame-shares-'));
  await Promise.all([fleet.runner(), fleet.runner()]);
});
afterAll(async () => {
  await fleet.stop();
  await rm(folder, { recursive: true, force: true });
});

/** How many calls each runner holds, in one look. */
const HELD = `
local held = {}
for _, id in ipairs(redis.call('LRANGE', KEYS[1] .. 'active', 0, -1)) do
  held[#held + 1] = redis.call('HGET', KEYS[1] .. id, 'f:run') or '?'
end
return held`;

test('CO-05 two runners of one slot each share calls evenly, and neither holds more than it runs', async () => {
  const shares = new Map<string, number>();
  let most = 0;
  const watching = setInterval(async () => {
    const held = (await fleet.client.eval(HELD, 1, fleet.keys().queue)) as string[];
    for (const runner of held) most = Math.max(most, held.filter((other) => other === runner).length);
  }, 20);
  const calls = Array.from({ length: 20 }, async () => {
    const { runnerId } = (await fleet.flame.call(tasks.where, 100)) as { readonly runnerId: string };
    shares.set(runnerId, (shares.get(runnerId) ?? 0) + 1);
  });
  await Promise.all(calls).finally(() => clearInterval(watching));
  expect(most).toBe(1);
  expect(shares.size).toBe(2);
  for (const share of shares.values()) expect(Math.abs(share - 10)).toBeLessThanOrEqual(2);
});

test('CO-10 with default settings a body that outlasts its lock many times is executed once', async () => {
  const bodyMs = bySize({ push: LOCK_MS + STALLED_CHECK_MS + 1_000, nightly: 60_000 });
  const file = join(folder, 'effects');
  const options = { timeout: '5m', retries: 3 };
  expect(await fleet.flame.call(tasks.effect.with(options), file, bodyMs, 'done')).toBe('done');
  const lines = (await readFile(file, 'utf8')).trim().split('\n');
  expect(lines.map((line) => line.split(' ')[0])).toEqual(['start', 'end']);
});

test('PS-17 every execution has the data of its call, with several callers and runners and what is done removed', async () => {
  const calls = bySize({ push: 600, nightly: 20_000 });
  const callers = [fleet.caller(), fleet.caller(), fleet.caller()];
  const verify = tasks.verify.with({ resultTtl: '1s' });
  const kept = async () =>
    (await fleet.client.keys(`${fleet.keys().base}:*`)).filter((key) => /:(args|outcome):/.test(key));
  const before = (await kept()).length;
  let next = 0;
  let executed = 0;
  const lane = async (lane: number): Promise<void> => {
    const flame = callers[lane % callers.length] ?? fleet.flame;
    while (next < calls) {
      const n = next++;
      // In the job itself, and beside it: every fiftieth is too large.
      const bytes = randomBytes(n % 50 === 0 ? 40_000 : 200);
      const sum = tasks.checksum(n, bytes);
      expect(await flame.call(verify, { n, bytes, sum })).toBe(sum);
      executed += 1;
    }
  };
  await Promise.all(Array.from({ length: 30 }, (_, i) => lane(i)));
  expect(executed).toBe(calls);
  const { queue } = fleet.keys();
  expect(await fleet.client.zcard(`${queue}failed`)).toBe(0);
  expect(await fleet.client.zcard(`${queue}completed`)).toBeLessThanOrEqual(1_000);
  await waitFor(async () => (await kept()).length === before, { what: 'what is done to be gone', found: kept });
}, 600_000);
