/** What Redis keeps its data in fails it: the file is cut, the disk is full, the memory is full (fault-testing.md 5.2). */
import { execFileSync } from 'node:child_process';
import { mkdtemp, open, readdir, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FlameDataLossError, FlameQueueFullError, FlameUnavailableError } from '@flamejs/queue';
import { afterEach, expect, test } from 'vitest';
import { tasks } from '../support/fleet.ts';
import { executorsOf } from '../support/processes.ts';
import { bySize, tier } from '../support/tier.ts';
import { settles, waitFor } from '../support/wait-for.ts';
import { type Chaos, expectClean, pause, rejections, startChaos } from './harness.ts';

const pools = { main: { max: 4, maxConcurrency: 10, timeout: '60s' } } as const;
const patience = { timeout: 300_000 } as const;
const nightly = test.runIf(tier === 'nightly');
let chaos: Chaos | undefined;
const undo: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  await chaos?.stop();
  chaos = undefined;
  for (const step of undo.splice(0).reverse()) await step();
});

/** Cuts the end off the newest part of the append-only file, as a crash does to what the disk had not written. */
const cutAppendOnlyFile = async (folder: string, bytes: number): Promise<number> => {
  const parts = join(folder, 'appendonlydir');
  const names = (await readdir(parts)).filter((name) => name.endsWith('.incr.aof')).sort();
  const newest = join(parts, names.at(-1) ?? '');
  const { size } = await stat(newest);
  const kept = Math.max(0, size - bytes);
  await truncate(newest, kept);
  return size - kept;
};

nightly(
  'R-12 the end of the append-only file is cut off in a crash: every awaited call settles, and none is wrong',
  patience,
  async () => {
    chaos = await startChaos({ pools, redis: { appendonly: true } });
    const { redis } = chaos.fleet;
    const run = chaos;
    await run.startRunners(2);
    const calls = 2_000;
    let cut = 0;
    const verdict = await run.run({ calls, inFlight: 100, work: [50, 150] }, async (stop) => {
      await pause(3_000, stop);
      const fault = run.note('crash');
      await redis.kill9();
      cut = await cutAppendOnlyFile(redis.folder, 64 * 1024);
      await redis.restart();
      fault.over();
    });
    expectClean(verdict, run.seed, calls);
    expect(cut).toBeGreaterThan(0);
    // Callers that hold a call's arguments make it again under the same id; who only has a handle hears that it is lost.
    for (const error of rejections(run)) {
      expect([FlameDataLossError.name, FlameUnavailableError.name]).toContain((error as Error).name);
    }
  },
);

test('R-12 a call that must not run twice, and that Redis has lost, ends in FlameDataLossError', patience, async () => {
  chaos = await startChaos({ pools, redis: { appendonly: true } });
  const { fleet } = chaos;
  await chaos.startRunners(1);
  expect(await fleet.flame.call(tasks.echo, 'before')).toBe('before');
  const lost = fleet.flame.call(tasks.wait.with({ onRunnerLost: 'fail', delay: '1h' }), 1).catch((e: unknown) => e);
  await waitFor(async () => (await fleet.client.zcard(`${fleet.keys().queue}delayed`)) === 1, {
    what: 'it to be there',
  });
  await fleet.redis.kill9();
  await cutAppendOnlyFile(fleet.redis.folder, Number.POSITIVE_INFINITY);
  await fleet.redis.restart();
  expect(await settles(lost, { what: 'the lost call' })).toBeInstanceOf(FlameDataLossError);
});

const DISK = 8 * 1024 * 1024;

/** A disk of a few megabytes. @returns its folder, `undefined` where this process may not mount one */
const mountSmallDisk = async (): Promise<string | undefined> => {
  const folder = await mkdtemp(join(tmpdir(), 'flame-disk-'));
  undo.push(() => rm(folder, { recursive: true, force: true }));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK}`, 'tmpfs', folder], { stdio: 'pipe' });
  } catch {
    return undefined;
  }
  undo.push(() => void execFileSync('umount', ['-l', folder]));
  return folder;
};

/** Takes what room is left on the disk. */
const fill = async (file: string): Promise<void> => {
  const handle = await open(file, 'w');
  try {
    for (const piece of [64 * 1024, 512]) for (;;) await handle.write(Buffer.alloc(piece));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    await handle.close();
  }
};

test(
  'R-24 RO-09 the disk is full for a while: new calls are refused with a reason, and those that run settle afterwards',
  patience,
  async ({ skip }) => {
    const folder = await mountSmallDisk();
    if (folder === undefined) return skip('this process may not mount a file system');
    // With `always` a server that cannot write ends itself.
    const args = ['--appendfsync', 'everysec', '--auto-aof-rewrite-percentage', '0'];
    chaos = await startChaos({ pools, redis: { appendonly: true, args, folder } });
    const run = chaos;
    const { fleet } = run;
    await run.startRunners(1);
    const ballast = join(folder, 'ballast');
    const calls = bySize({ push: 60, nightly: 500 });
    const refused: unknown[] = [];
    const verdict = await run.run({ calls, inFlight: 20, work: [100, 300] }, async (stop) => {
      await pause(500, stop);
      const fault = run.note('disk full');
      await fill(ballast);
      await waitFor(
        async () => {
          const error = await fleet.flame.cast(tasks.echo, 'x'.repeat(2_000)).catch((e: unknown) => e);
          if (error instanceof Error) refused.push(error);
          return refused.length > 0;
        },
        { what: 'a call to be refused' },
      );
      await pause(bySize({ push: 2_000, nightly: 10_000 }), stop);
      await rm(ballast);
      fault.over();
    });
    expectClean(verdict, run.seed, calls);
    for (const error of [...refused, ...rejections(run)]) {
      expect(error).toBeInstanceOf(FlameUnavailableError);
      expect(error).toMatchObject({ enqueued: 'no', message: expect.stringMatching(/MISCONF/) });
    }
    const next = fleet.flame.call(tasks.echo, 'next');
    expect(await settles(next, { what: 'a call once there is room' })).toBe('next');
    expect(verdict.restarted).toBe(0);
  },
);

test(
  'R-25 RO-07 half of the memory is taken away: calls are refused, what runs is stored once there is room, nothing runs twice',
  patience,
  async () => {
    const slots = bySize({ push: 5, nightly: 10 });
    chaos = await startChaos({ pools: { main: { ...pools.main, maxConcurrency: slots } } });
    const run = chaos;
    const { fleet } = run;
    await run.startRunners(2);
    for (const { process } of fleet.started) {
      await waitFor(() => executorsOf(process.pid).length >= slots, {
        what: 'all executors to be there',
        timeoutMs: 60_000,
      });
    }
    const calls = slots * 2;
    const used = async (): Promise<number> => Number(/used_memory:(\d+)/.exec(await fleet.client.info('memory'))?.[1]);
    const errors = async (): Promise<number> =>
      [...(await fleet.client.info('errorstats')).matchAll(/errorstat_\w+:count=(\d+)/g)].reduce(
        (sum, [, count]) => sum + Number(count),
        0,
      );
    const heldMs = bySize({ push: 4_000, nightly: 12_000 });
    let refused: unknown;
    let perSecond = 0;
    const verdict = await run.run(
      { calls, inFlight: calls, work: bySize({ push: [5_000, 6_000], nightly: [10_000, 12_000] }) },
      async (stop) => {
        await waitFor(async () => (await fleet.client.llen(`${fleet.keys().queue}active`)) === calls, {
          what: 'all to run',
        });
        const fault = run.note('memory full');
        await fleet.client.config('SET', 'maxmemory', String(Math.round((await used()) / 2)));
        refused = await waitFor(
          () =>
            fleet.flame.call(tasks.echo, 1).then(
              () => undefined,
              (e: unknown) => e,
            ),
          {
            what: 'a call to be refused',
            everyMs: 300,
          },
        );
        const before = await errors();
        await pause(heldMs, stop);
        perSecond = ((await errors()) - before) / (heldMs / 1_000);
        await fleet.client.config('SET', 'maxmemory', '0');
        fault.over();
      },
    );
    expectClean(verdict, run.seed, calls);
    expect(refused).toBeInstanceOf(FlameQueueFullError);
    expect(verdict.rejected).toEqual([]);
    expect(verdict.succeeded).toBe(calls);
    expect(verdict.restarted).toBe(0);
    // Twenty finished calls, two runners that report and renew: far from a hot loop, in which plain BullMQ made 3,000 a second.
    expect(perSecond).toBeLessThan(60);
    await fleet.client.config('SET', 'maxmemory', String(Math.round((await used()) * 1.1)));
    const full = await waitFor(
      () =>
        fleet.flame.call(tasks.echo, 1).then(
          () => undefined,
          (e: unknown) => e,
        ),
      {
        what: 'admission to close',
        everyMs: 300,
      },
    );
    expect(full).toBeInstanceOf(FlameQueueFullError);
  },
);
