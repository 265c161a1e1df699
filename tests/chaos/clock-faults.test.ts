/** Processes whose wall clocks are wrong, or jump while they work (fault-testing.md 5.3). Redis' clock is right. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { APP_FOLDER, type Fleet, type RunnerProcess, startFleet } from '../support/fleet.ts';
import { startSource } from '../support/processes.ts';
import { bySize } from '../support/tier.ts';
import { waitFor } from '../support/wait-for.ts';

const LIBRARY = [
  process.env.FLAME_FAKETIME,
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1',
].find((file) => file !== undefined && existsSync(file));

const pools = { main: { max: 2, maxConcurrency: 5, timeout: '60s' } } as const;
const patience = { timeout: 240_000 } as const;
let fleet: Fleet;
let folder: string;
beforeEach(async () => {
  fleet = await startFleet({ pools });
  folder = await mkdtemp(join(tmpdir(), 'flame-clock-'));
});
afterEach(async () => {
  await fleet.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Clock {
  readonly env: Readonly<Record<string, string>>;
  /** Moves the wall clock of the process, which reads this at every look. */
  set(offset: string): Promise<void>;
}

/** A wall clock of its own for a process and its children; monotonic time stays what it is. */
const wrongClock = async (name: string, offset: string): Promise<Clock> => {
  const file = join(folder, name);
  const set = (text: string): Promise<void> => writeFile(file, `${text}\n`);
  await set(offset);
  const env = { LD_PRELOAD: LIBRARY ?? '', FAKETIME_TIMESTAMP_FILE: file };
  return { env: { ...env, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' }, set };
};

/** Casts delayed calls, waits for their results, and says by how much its own clock is off. */
const CALLER = `
import { createFlame } from '@flamejs/queue';
import config from './flame.config.mjs';
import { add } from './tasks.mjs';
const flame = createFlame(config);
const count = Number(process.argv.at(-1));
console.log('clock', Date.now());
const handles = await Promise.all(
  Array.from({ length: count }, (_, i) => flame.cast(add.with({ delay: 1_000 + i * 10, retries: 1, deadline: '60s' }), i, 1)),
);
console.log('cast', handles.map(({ id }) => id).join(' '));
const values = await Promise.all(handles.map((handle) => handle.result({ timeout: '60s' })));
console.log('values', JSON.stringify(values));
await flame.close();
`;

test(
  'R-30 DC-07 DC-09 callers and runners whose clocks are an hour off and jump: delays are kept, no lock is lost',
  patience,
  async ({ skip }) => {
    if (LIBRARY === undefined) return skip('libfaketime is not installed: `sh scripts/setup.sh --with faketime`');
    const count = bySize({ push: 40, nightly: 500 });
    const early = await wrongClock('early-runner', '-1h');
    const late = await wrongClock('late-caller', '+1h');
    const runner = await fleet.runner('main', early.env);
    const caller = await startSource(CALLER, {
      cwd: APP_FOLDER,
      args: [String(count)],
      env: { ...fleet.env, ...late.env },
    });
    try {
      const [, clock] = await caller.waitForOutput(/clock (\d+)/);
      expect(Math.abs(Number(clock) - Date.now() - 3_600_000)).toBeLessThan(60_000);
      const [, ids = ''] = await caller.waitForOutput(/cast (.+)\n/);
      // Both clocks jump while calls rest and run.
      await Promise.all([early.set('-50m'), late.set('+50m')]);
      const [, values = ''] = await caller.waitForOutput(/values (.+)\n/, 120_000);
      expect(JSON.parse(values)).toEqual(Array.from({ length: count }, (_, i) => i + 1));
      expect((await caller.exited).code).toBe(0);
      const lateness = await readLateness(ids.split(' '));
      expect(Math.min(...lateness)).toBeGreaterThanOrEqual(0);
      // Clocks that were believed would be late by many minutes.
      expect(Math.max(...lateness)).toBeLessThan(60_000);
      // A clock that went backwards made nobody believe that a lock had run out, and nobody lost.
      expect(runner.process.output()).not.toMatch(/silentMs|superseded/);
      await expectHealthy(runner);
    } finally {
      await caller.stop();
    }
  },
);

/** By Redis' own clock: what is stored as enqueued, and as picked up. */
const readLateness = async (ids: readonly string[]): Promise<number[]> =>
  Promise.all(
    ids.map(async (id, i) => {
      const job = await fleet.client.hmget(`${fleet.keys().queue}${id}`, 'timestamp', 'processedOn', 'ats');
      const [timestamp, processedOn, attempts] = job.map(Number) as [number, number, number];
      expect(attempts).toBe(1);
      return processedOn - timestamp - (1_000 + i * 10);
    }),
  );

const expectHealthy = async (runner: RunnerProcess): Promise<void> => {
  const [seconds] = await fleet.client.time();
  await waitFor(async () => Math.abs(((await runner.record())?.heartbeatAt ?? 0) - Number(seconds) * 1_000) < 10_000, {
    what: 'a heartbeat in Redis’ time',
  });
};
