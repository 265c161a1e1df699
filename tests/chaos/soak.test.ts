/**
 * Soak: faults of every kind, one after the other, for as long as it is told to (fault-testing.md 5.4, R-46). Run by hand, or
 * weekly: `FLAME_SOAK_MINUTES=45 npx vitest run tests/chaos/soak.test.ts`; with FLAME_SEED the same schedule again.
 */
import { readdirSync } from 'node:fs';
import { connect, createHousekeeping, disconnect } from '@flamejs/protocol';
import { FlameUnavailableError } from '@flamejs/queue';
import { afterEach, expect, test } from 'vitest';
import { tasks } from '../support/fleet.ts';
import { waitFor } from '../support/wait-for.ts';
import { type Chaos, expectClean, pause, rejections, startChaos } from './harness.ts';
import { keepHouse } from './keep-house.ts';

const minutes = Number(process.env.FLAME_SOAK_MINUTES ?? 0);
const pools = { main: { max: 4, maxConcurrency: 10, timeout: '60s' } } as const;
const EVERY_MS = 20_000;
const never = new AbortController().signal;
let chaos: Chaos;
afterEach(() => chaos?.stop());

/** Each undoes itself. */
const FAULTS: Readonly<Record<string, () => Promise<void>>> = {
  kill: () => chaos.killRunner(chaos.random.between(0, 2)),
  freeze: async () => {
    const runner = chaos.random.pick(chaos.runners);
    const fault = chaos.note('freeze', [runner]);
    runner.process.signal('SIGSTOP');
    await pause(8_000, never);
    runner.process.signal('SIGCONT');
    fault.over();
  },
  crash: async () => {
    const fault = chaos.note('redis-crash');
    await chaos.fleet.redis.kill9();
    await pause(2_000, never);
    await chaos.fleet.redis.restart();
    fault.over();
  },
  stall: async () => {
    const fault = chaos.note('stall');
    await chaos.fleet.client.call('DEBUG', 'SLEEP', '6');
    fault.over();
  },
  cut: async () => void (await chaos.fleet.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')),
  forget: async () => void (await chaos.fleet.client.script('FLUSH')),
};

const openFiles = (): number => readdirSync('/proc/self/fd').length;

test.runIf(minutes > 0)(
  'R-46 faults of every kind for a long time: clean, and nothing is left over',
  {
    timeout: (minutes + 15) * 60_000,
  },
  async () => {
    chaos = await startChaos({ pools, redis: { appendonly: true } });
    const { fleet } = chaos;
    const keeper = keepHouse(fleet);
    await chaos.startRunners(2);
    await fleet.flame.call(tasks.echo, 'warm');
    const before = { files: openFiles(), keys: await fleet.client.dbsize() };
    const memory: number[] = [];
    const schedule: string[] = [];
    const forMs = minutes * 60_000;
    const load = {
      calls: 1,
      forMs,
      inFlight: 40,
      work: [500, 1_500] as const,
      options: { resultTtl: '20s' },
      settleMs: 180_000,
    };
    const endsAt = performance.now() + forMs;
    const verdict = await chaos.run(load, async (stop) => {
      while (!stop.aborted && performance.now() < endsAt) {
        await pause(EVERY_MS, stop);
        if (stop.aborted) return;
        const name = chaos.random.pick(Object.keys(FAULTS));
        schedule.push(name);
        await FAULTS[name]?.();
        memory.push(process.memoryUsage().rss);
      }
    });
    process.stderr.write(`R-46 seed ${chaos.seed}: ${verdict.invoked} calls; ${schedule.join(', ')}\n`);
    // Two runners of ten slots do twice as many in the time when nothing is done to them.
    expect(verdict.invoked).toBeGreaterThan(minutes * 60 * 10);
    expectClean(verdict, chaos.seed, verdict.invoked);
    for (const error of rejections(chaos)) expect(error).toBeInstanceOf(FlameUnavailableError);
    // The ledger of the test itself grows by some 600 bytes a call; beyond that, a megabyte a minute.
    const growth = (memory.at(-1) ?? 0) - (memory[Math.floor(memory.length / 4)] ?? 0);
    expect(growth / 1024 / 1024).toBeLessThan(30 + minutes * 1.5);

    keeper.stop();
    const connection = connect(fleet.config.redis, 'steady', 'test');
    const house = createHousekeeping(connection, fleet.keys(), 'main');
    const found = async () => ({ keys: await fleet.client.dbsize(), files: openFiles() });
    await waitFor(
      async () => {
        await house.sweep();
        const { keys, files } = await found();
        // Records of runners that were killed stay for a day, one each.
        return keys <= before.keys + schedule.length + 5 && files <= before.files + 5;
      },
      { what: 'everything to be as it was', timeoutMs: 90_000, everyMs: 2_000, found },
    );
    disconnect(connection);
  },
);
