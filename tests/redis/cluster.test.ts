/** An app on a Redis Cluster of three masters: every pool in one slot, what belongs to the app in another. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { appKeys, poolKeys } from '@flamejs/protocol';
import { FlameUnavailableError } from '@flamejs/queue';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startCluster, type TestCluster } from '../support/cluster.ts';
import { type Fleet, startFleet, tasks } from '../support/fleet.ts';
import { settles, waitFor } from '../support/wait-for.ts';
import { useCalls, useDashboard, useHandles, useSchedules } from './every-use.ts';

/** Pools of which surely one lies on another master than `main`. */
const SPARE = ['inner', 'a', 'b', 'c', 'd', 'e'] as const;
const SMALL = { max: 1, maxConcurrency: 1, timeout: '30s', idleShutdownAfter: '2s' } as const;
const pools = {
  main: { ...SMALL, max: 2, maxConcurrency: 2 },
  ...Object.fromEntries(SPARE.map((name) => [name, SMALL])),
};
const patience = { timeout: 240_000 } as const;
let cluster: TestCluster;
let fleet: Fleet;
let folder: string;
beforeEach(async () => {
  cluster = await startCluster();
  fleet = await startFleet({ pools, servers: cluster, env: { FLAME_TEST_INNER_POOL: 'inner' } });
  folder = await mkdtemp(join(tmpdir(), 'flame-cluster-'));
});
afterEach(async () => {
  await fleet.stop();
  await rm(folder, { recursive: true, force: true });
});

test(
  'a pool’s keys share one slot; those of the app and of other pools have slots of their own',
  patience,
  async () => {
    const slotOf = (key: string): Promise<number> => cluster.client.cluster('KEYSLOT', key);
    const names = (keys: object): readonly string[] => Object.values(keys).filter((key) => String(key).startsWith('{'));
    const { runner, caller, args, outcome, reply, progress, ...plain } = poolKeys('flame', 'shop', 'images');
    const main = [...names(plain), ...[runner, caller, args, outcome, reply, progress].map((of) => of('x'))];
    const slots = async (keys: readonly string[]): Promise<number> => new Set(await Promise.all(keys.map(slotOf))).size;
    expect(await slots(main)).toBe(1);
    expect(await slots(names(appKeys('flame', 'shop')))).toBe(1);
    const bases = [appKeys('flame', 'shop').base, ...['images', 'video'].map((p) => poolKeys('flame', 'shop', p).base)];
    expect(await slots(bases)).toBe(3);
  },
);

test(
  'calls, handles, schedules, autoscaler and dashboard work on a cluster; runners come and go',
  patience,
  async () => {
    await fleet.autoscaler();
    await useCalls(fleet.flame, folder);
    await useHandles(fleet.flame, fleet.caller(), folder);
    await useSchedules(fleet.flame, folder);
    await useDashboard(fleet);
    await waitFor(async () => (await fleet.runners()).length + (await fleet.runners('inner')).length === 0, {
      what: 'idle runners to end',
      timeoutMs: 60_000,
    });
  },
);

test(
  'K1 a master that dies and comes back: its calls settle, and calls of other masters do not notice',
  patience,
  async () => {
    const master = await cluster.masterOf(fleet.keys('main').base);
    const masters = await Promise.all(SPARE.map((pool) => cluster.masterOf(fleet.keys(pool).base)));
    const elsewhere = SPARE.find((_, i) => masters[i] !== master);
    if (elsewhere === undefined) throw new Error('every pool is on one master');
    await Promise.all([fleet.runner('main'), fleet.runner(elsewhere)]);
    const add = fleet.flame.fn('innerAdd', { pool: elsewhere }, (a: number, b: number) => a + b);
    const running = Array.from({ length: 12 }, (_, i) => fleet.flame.call(tasks.wait, 1_000, i));
    const { queue } = fleet.keys();
    await waitFor(
      async () => (await fleet.client.llen(`${queue}active`)) + (await fleet.client.llen(`${queue}wait`)) === 12,
      { what: 'all of them to be accepted' },
    );
    const all = Promise.all(running);
    all.catch(() => undefined);
    await master.kill9();
    const during = fleet.flame.call(tasks.echo, 'during').catch((e: unknown) => e);
    expect(await settles(fleet.flame.call(add, 1, 2), { what: 'a call of another master' })).toBe(3);
    expect(await settles(during, { what: 'a call without its master' })).toBeInstanceOf(FlameUnavailableError);
    await master.restart();
    expect(await settles(all, { what: 'the calls of the master', timeoutMs: 60_000 })).toEqual(
      Array.from({ length: 12 }, (_, i) => i),
    );
    const after = fleet.flame.call(tasks.echo, 'after');
    expect(await settles(after, { what: 'a call afterwards' })).toBe('after');
  },
);
