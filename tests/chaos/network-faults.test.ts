/** The way to Redis is spoiled for one side alone, by a proxy between them (fault-testing.md 5.2, R-19 to R-21). */
import { FlameUnavailableError } from '@flamejs/queue';
import { afterEach, expect, test } from 'vitest';
import { startProxy, type TcpProxy } from '../support/proxy.ts';
import { bySize, tier } from '../support/tier.ts';
import { waitFor } from '../support/wait-for.ts';
import { type Chaos, expectClean, pause, rejections, startChaos } from './harness.ts';

const pools = { main: { max: 4, maxConcurrency: 10, timeout: '60s' } } as const;
const patience = { timeout: 240_000 } as const;
const nightly = test.runIf(tier === 'nightly');
let chaos: Chaos;
let proxy: TcpProxy;
afterEach(async () => {
  await chaos.stop();
  await proxy.stop();
});

const start = async (options: Parameters<typeof startChaos>[0] = {}): Promise<void> => {
  chaos = await startChaos({ pools, ...options });
  proxy = await startProxy(chaos.fleet.redis.port);
};

test(
  'R-20 RI-04 replies to a runner are lost and its connections cut: what it sent is sent again, nothing runs twice',
  patience,
  async () => {
    await start();
    await chaos.startRunners(1, { FLAME_REDIS_URL: proxy.url });
    const calls = bySize({ push: 300, nightly: 1_000 });
    let cuts = 0;
    const verdict = await chaos.run({ calls, inFlight: 50, work: [5, 30] }, async (stop) => {
      while (!stop.aborted) {
        await pause(700, stop);
        // Requests arrive and are carried out; their replies never come.
        proxy.swallowReplies();
        await pause(50, stop);
        proxy.cut();
        proxy.heal();
        cuts += 1;
      }
    });
    expectClean(verdict, chaos.seed, calls);
    expect(verdict.rejected).toEqual([]);
    expect(verdict.restarted).toBe(0);
    expect(cuts).toBeGreaterThan(1);
  },
);

test('R-20 K4 replies to a caller are lost and its connections cut: no call is made twice', patience, async () => {
  await start();
  await chaos.startRunners(1);
  const calls = bySize({ push: 300, nightly: 1_000 });
  const flame = chaos.fleet.caller(proxy.url);
  const verdict = await chaos.run({ calls, inFlight: 50, work: [5, 30], flame }, async (stop) => {
    while (!stop.aborted) {
      await pause(700, stop);
      proxy.swallowReplies();
      await pause(50, stop);
      proxy.cut();
      proxy.heal();
    }
  });
  expectClean(verdict, chaos.seed, calls);
  for (const error of rejections(chaos)) expect(error).toBeInstanceOf(FlameUnavailableError);
  expect(verdict.restarted).toBe(0);
});

test('R-19 AW-03 a half-open link of a caller is found by itself, and its calls settle', {
  timeout: 180_000,
}, async () => {
  await start();
  await chaos.startRunners(1);
  const calls = 20;
  const flame = chaos.fleet.caller(proxy.url);
  const verdict = await chaos.run({ calls, inFlight: calls, work: [2_000, 4_000], flame }, async (stop) => {
    await pause(1_000, stop);
    // Nothing passes, nothing is closed; connections that are opened later work again.
    proxy.silence();
    await pause(2_000, stop);
    proxy.forget();
    proxy.heal();
  });
  expectClean(verdict, chaos.seed, calls);
  for (const error of rejections(chaos)) expect(error).toBeInstanceOf(FlameUnavailableError);
  expect(verdict.succeeded).toBeGreaterThan(0);
});

nightly(
  'R-19 a half-open link of a runner for 60 s: it finds out, its calls run elsewhere, nothing stale is stored',
  patience,
  async () => {
    await start();
    await chaos.startRunners(1);
    await chaos.startRunners(1, { FLAME_REDIS_URL: proxy.url });
    const calls = 400;
    const cutOff = chaos.runners[1];
    const verdict = await chaos.run({ calls, inFlight: 60, work: [500, 1_500] }, async (stop) => {
      await pause(2_000, stop);
      const fault = chaos.note('half-open', cutOff === undefined ? [] : [cutOff]);
      proxy.silence();
      await pause(60_000, stop);
      proxy.heal();
      fault.over();
    });
    expectClean(verdict, chaos.seed, calls);
    expect(verdict.rejected).toEqual([]);
  },
);

nightly.each<[string, (p: TcpProxy) => void]>([
  ['200 ms late, give or take 100', (p) => p.slow(() => 100 + Math.random() * 200)],
  ['in pieces of one byte', (p) => p.slice(1)],
  ['cut after 50,000 bytes, again and again', (p) => p.cutAfter(50_000)],
])('R-21 everything that a runner hears comes %s: all settle, no lock is lost', patience, async (_, spoil) => {
  await start();
  spoil(proxy);
  await chaos.startRunners(1, { FLAME_REDIS_URL: proxy.url });
  const verdict = await chaos.run({ calls: 500, inFlight: 50, work: [50, 150] });
  expectClean(verdict, chaos.seed, 500);
  expect(verdict.rejected).toEqual([]);
  expect(verdict.restarted).toBe(0);
});

test(
  'R-18 connections reset at random all the time, every fifth of them each 100 ms: no call is made twice, none hangs',
  patience,
  async () => {
    await start();
    await chaos.startRunners(1, { FLAME_REDIS_URL: proxy.url });
    const calls = bySize({ push: 150, nightly: 2_000 });
    const flame = chaos.fleet.caller(proxy.url);
    let resets = 0;
    // No fault is written down: a reset explains no further execution.
    const verdict = await chaos.run({ calls, inFlight: 50, work: [5, 20], flame }, async (stop) => {
      while (!stop.aborted) {
        await pause(100, stop);
        proxy.cut(() => {
          const picked = chaos.random.next() < 0.2;
          if (picked) resets += 1;
          return picked;
        });
      }
    });
    expectClean(verdict, chaos.seed, calls);
    for (const error of rejections(chaos)) expect(error).toBeInstanceOf(FlameUnavailableError);
    // A reset in the moment of a call is no reason to refuse it: only what may have been sent is in doubt.
    for (const error of rejections(chaos)) expect(error).toMatchObject({ enqueued: 'unknown' });
    expect(verdict.restarted).toBe(0);
    expect(resets).toBeGreaterThan(5);
  },
);

nightly.each([{ ms: 10_000 }, { ms: 60_000 }])(
  'R-17 a caller and one of two runners are cut off for $ms ms: all calls settle soon after, nothing stale is stored',
  {
    timeout: 400_000,
  },
  async ({ ms }) => {
    const calls = 2_000;
    await start();
    const way = await startProxy(chaos.fleet.redis.port);
    try {
      await chaos.startRunners(1);
      await chaos.startRunners(1, { FLAME_REDIS_URL: way.url });
      const cutOff = chaos.runners.slice(1);
      const flame = chaos.fleet.caller(proxy.url);
      let healedAt = 0;
      const verdict = await chaos.run({ calls, inFlight: 60, work: [100, 400], flame }, async (stop) => {
        await pause(1_000, stop);
        const fault = chaos.note('partition', cutOff);
        for (const cut of [way, proxy]) cut.hold();
        await pause(ms, new AbortController().signal);
        for (const cut of [way, proxy]) cut.heal();
        fault.over();
        healedAt = Date.now();
      });
      expectClean(verdict, chaos.seed, calls);
      for (const error of rejections(chaos)) expect(error).toBeInstanceOf(FlameUnavailableError);
      // What was in flight at the end of the partition: found by the sweep, or told by the stream.
      const caught = chaos.ledger.filter((e) => e.type === 'invoke' && e.at < healedAt).map(({ key }) => key);
      const last = chaos.ledger.filter((e) => e.type === 'settle' && caught.includes(e.key)).map(({ at }) => at);
      expect(Math.max(...last) - healedAt).toBeLessThan(60_000);
    } finally {
      await way.stop();
    }
  },
);

nightly.each([{ ms: 10_000 }, { ms: 30_000 }])(
  'R-17 the autoscaler is cut off for $ms ms: its runners serve on, never more than max, and it leads again',
  patience,
  async ({ ms }) => {
    const max = 3;
    await start({ pools: { main: { min: 1, max, maxConcurrency: 2, timeout: '60s' } } });
    const { fleet } = chaos;
    const redis = { kind: 'single', url: proxy.url, options: {} } as const;
    const autoscaler = await fleet.autoscaler({}, { redis });
    await waitFor(async () => (await fleet.runners()).some(({ state }) => state === 'ready'), {
      what: 'a first runner',
    });
    let most = 0;
    const verdict = await chaos.run({ calls: ms / 8, inFlight: 20, work: [50, 150] }, async (stop) => {
      await pause(2_000, stop);
      const fault = chaos.note('partition', []);
      proxy.hold();
      const endsAt = performance.now() + ms;
      while (performance.now() < endsAt) {
        most = Math.max(most, (await fleet.runners()).filter(({ state }) => state !== 'ended').length);
        await pause(500, new AbortController().signal);
      }
      proxy.heal();
      fault.over();
    });
    expectClean(verdict, chaos.seed, ms / 8);
    expect(verdict.rejected).toEqual([]);
    expect(verdict.restarted).toBe(0);
    expect(most).toBeLessThanOrEqual(max);
    await waitFor(() => autoscaler.status().leading, { what: 'it to lead again', timeoutMs: 60_000 });
  },
);
