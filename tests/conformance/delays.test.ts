/** Calls that rest until their time: how late they start, and what their resting costs. */
import { parseHead } from '@flamejs/protocol';
import { afterEach, expect, test } from 'vitest';
import { seeded } from '../chaos/random.ts';
import { type Fleet, startFleet, tasks } from '../support/fleet.ts';
import { bySize } from '../support/tier.ts';

let fleet: Fleet;
afterEach(() => fleet.stop());
const pools = { main: { max: 2, maxConcurrency: 4, timeout: '30s' } } as const;
/** No autoscaler looks after these runners. */
const env = { FLAME_TEST_APP: JSON.stringify({ failsafeTimeout: '1h' }) };

test('DC-06 calls with delays from 0 to 5 s start when they are due, also beside others that keep the runners busy', {
  timeout: 180_000,
}, async () => {
  fleet = await startFleet({ pools, env });
  await fleet.runner();
  await fleet.runner();
  const count = bySize({ push: 60, nightly: 500 });
  const random = seeded(bySize({ push: 1, nightly: Date.now() % 1_000_000 }));
  let working = true;
  // Half of the slots are taken all the time.
  const lanes = Array.from({ length: 4 }, async () => {
    while (working) await fleet.flame.call(tasks.wait, 20);
  });
  const delays = Array.from({ length: count }, () => random.between(0, 5_000));
  const handles = await Promise.all(delays.map((delay) => fleet.flame.cast(tasks.echo.with({ delay }), delay)));
  expect(await Promise.all(handles.map((handle) => handle.result()))).toEqual(delays);
  working = false;
  await Promise.all(lanes);
  // By Redis' own clock: when it was accepted, and when it was picked up.
  const lateness = await Promise.all(
    handles.map(async ({ id }, i) => {
      const timestamp = Number(await fleet.client.hget(`${fleet.keys().queue}${id}`, 'timestamp'));
      const { startedAt } = parseHead((await fleet.client.hget(fleet.keys().outcome(id), 'head')) ?? '');
      return startedAt - timestamp - (delays[i] ?? 0);
    }),
  );
  lateness.sort((a, b) => a - b);
  const p99 = lateness[Math.floor((count - 1) * 0.99)] ?? Number.NaN;
  process.stderr.write(`DC-06 ${JSON.stringify({ count, p50: lateness[count >> 1], p99, most: lateness.at(-1) })}\n`);
  expect(lateness[0]).toBeGreaterThanOrEqual(0);
  // 500 ms on a machine of one's own; the complaint was about 30 to 45 s.
  expect(p99).toBeLessThan(15_000);
});

test('DC-02 a call that rests for 60 days wakes nobody: an idle runner asks Redis as often as without it', {
  timeout: 180_000,
}, async () => {
  fleet = await startFleet({ pools, env });
  await fleet.runner();
  await fleet.flame.call(tasks.echo, 1);
  const commandsIn = async (ms: number): Promise<number> => {
    await fleet.client.config('RESETSTAT');
    await new Promise((resolve) => setTimeout(resolve, ms));
    return Number(/total_commands_processed:(\d+)/.exec(await fleet.client.info('stats'))?.[1]);
  };
  const without = await commandsIn(5_000);
  const handle = await fleet.flame.cast(tasks.echo.with({ delay: 60 * 86_400_000 }), 'later');
  expect(await handle.status()).toMatchObject({ state: 'delayed' });
  const resting = await commandsIn(5_000);
  // Heartbeats and checks fall into the one time or the other; a tight loop would be thousands.
  expect(resting).toBeLessThan(2 * without + 20);
  await handle.cancel();
});

test('TK-15 a call that is silent for minutes settles with its value, for whoever waits and for whoever asks later', {
  timeout: bySize({ push: 60_000, nightly: 600_000 }),
}, async () => {
  const ms = bySize({ push: 3_000, nightly: 400_000 });
  fleet = await startFleet({ pools: { main: { ...pools.main, timeout: '20m' } }, env });
  await fleet.runner();
  const handle = await fleet.flame.cast(tasks.wait, ms, 'late');
  const [called, awaited, attached] = await Promise.all([
    fleet.flame.call(tasks.wait, ms, 'later'),
    handle.result(),
    fleet.caller().attach(handle.id).result(),
  ]);
  expect([called, awaited, attached]).toEqual(['later', 'late', 'late']);
});
