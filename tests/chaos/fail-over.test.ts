/** Fail-over: the primary dies under load, and a replica that knows almost all takes its place (fault-testing.md 5.2). */
import { FlameDataLossError, FlameUnavailableError } from '@flamejs/queue';
import { afterEach, expect, test } from 'vitest';
import { tasks } from '../support/fleet.ts';
import { startProxy } from '../support/proxy.ts';
import { startRedis } from '../support/redis.ts';
import { type FailOverGroup, startFailOverGroup } from '../support/sentinel.ts';
import { bySize, tier } from '../support/tier.ts';
import { settles, waitFor } from '../support/wait-for.ts';
import { type Chaos, expectClean, pause, rejections, startChaos } from './harness.ts';

const pools = { main: { max: 4, maxConcurrency: 10, timeout: '60s' } } as const;
const nightly = test.runIf(tier === 'nightly');
let group: FailOverGroup;
let chaos: Chaos;
afterEach(() => chaos.stop());

test('R-28 Sentinel: the primary is killed under load; every call settles, and calls go on within seconds', {
  timeout: 600_000,
}, async () => {
  group = await startFailOverGroup();
  chaos = await startChaos({ pools, servers: group });
  await chaos.startRunners(2);
  const calls = bySize({ push: 200, nightly: 2_000 });
  const resumed: number[] = [];
  const verdict = await chaos.run(
    { calls, inFlight: 50, work: bySize({ push: [50, 150], nightly: [500, 1_200] }) },
    async (stop) => {
      for (let i = 0; i < bySize({ push: 1, nightly: 5 }) && !stop.aborted; i += 1) {
        await pause(1_000, stop);
        const fault = chaos.note('fail-over');
        const old = await group.failOver();
        const since = performance.now();
        const next = untilAccepted();
        await settles(next, { what: 'a call after the fail-over' });
        resumed.push(performance.now() - since);
        fault.over();
        // It comes back as a replica of the one that took its place.
        await old.restart();
        await pause(4_000, stop);
      }
    },
  );
  // What a replica had not heard of is made again by callers that hold it, or its handle says that it is lost.
  expectClean(verdict, chaos.seed, calls);
  for (const error of rejections(chaos)) {
    expect([FlameDataLossError.name, FlameUnavailableError.name]).toContain((error as Error).name);
  }
  process.stderr.write(`R-28 calls went on after ${resumed.map((ms) => Math.round(ms)).join(', ')} ms\n`);
  expect(resumed.length).toBeGreaterThan(bySize({ push: 0, nightly: 3 }));
});

nightly(
  'R-27 RO-06 a replica is promoted and the old primary demoted while all connections stay up: they are left, and calls go on',
  {
    timeout: 300_000,
  },
  async () => {
    const primary = await startRedis({ appendonly: true });
    const replica = await startRedis({ appendonly: true, args: ['--replicaof', '127.0.0.1', String(primary.port)] });
    const way = await startProxy(primary.port);
    const stop = async (): Promise<void> => {
      await way.stop();
      await Promise.all([primary.stop(), replica.stop()]);
    };
    const client = replica.client();
    chaos = await startChaos({ pools, servers: { input: way.url, client, stop } });
    await waitFor(async () => (await client.info('replication')).includes('master_link_status:up'), {
      what: 'the replica to follow',
    });
    await chaos.startRunners(2);
    const calls = 2_000;
    let resumed = Number.POSITIVE_INFINITY;
    const verdict = await chaos.run({ calls, inFlight: 50, work: [50, 150] }, async (abort) => {
      await pause(1_000, abort);
      const fault = chaos.note('fail-over');
      await client.replicaof('NO', 'ONE');
      way.redirect(replica.port);
      await primary.client().replicaof('127.0.0.1', replica.port);
      const since = performance.now();
      await settles(untilAccepted(), { what: 'a call after the promotion' });
      resumed = performance.now() - since;
      fault.over();
    });
    expectClean(verdict, chaos.seed, calls);
    // What the replica had not heard of is made again, or its handle says that it is lost.
    for (const error of rejections(chaos)) {
      expect([FlameDataLossError.name, FlameUnavailableError.name]).toContain((error as Error).name);
    }
    expect(resumed).toBeLessThan(Number.POSITIVE_INFINITY);
  },
);

/** What an application does: it tries again while Redis is away. */
const untilAccepted = async (): Promise<void> => {
  for (;;) {
    try {
      await chaos.fleet.flame.call(tasks.echo, 'next');
      return;
    } catch (error) {
      if (!(error instanceof FlameUnavailableError)) throw error;
      await pause(100, new AbortController().signal);
    }
  }
};
