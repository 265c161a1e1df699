/** Values that are large, one by one or all together: what Redis and the runners keep of them. Cases of the pain corpus. */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestOf } from '@flamejs/protocol';
import { afterEach, expect, test } from 'vitest';
import { type Fleet, startFleet, tasks } from '../support/fleet.ts';
import { bySize } from '../support/tier.ts';
import { waitFor } from '../support/wait-for.ts';

const MEGABYTE = 1024 * 1024;
/** No autoscaler looks after these runners. */
const env = { FLAME_TEST_APP: JSON.stringify({ failsafeTimeout: '1h' }) };
let fleet: Fleet;
afterEach(() => fleet.stop());

const figure = async (section: string, name: string): Promise<number> =>
  Number(new RegExp(`^${name}[:=](\\d+)`, 'm').exec(await fleet.client.info(section))?.[1] ?? 0);

/** Bytes of all streams of a pool. */
const streamBytes = async (): Promise<number> => {
  let bytes = 0;
  for (const key of await fleet.client.keys(`${fleet.keys().base}*`))
    if ((await fleet.client.type(key)) === 'stream')
      bytes += Number(await fleet.client.memory('USAGE', key, 'SAMPLES', 0));
  return bytes;
};

test('PS-09 results that are together far larger than Redis pass through it: none enters a stream, each goes after its time', {
  timeout: 300_000,
}, async () => {
  const maxMegabytes = bySize({ push: 64, nightly: 256 });
  const size = bySize({ push: 2, nightly: 7 }) * MEGABYTE;
  const calls = bySize({ push: 40, nightly: 200 });
  const lanes = 4;
  // As fast as this and no faster, so that what is kept for a second fits on a machine of any speed.
  const paceMs = bySize({ push: 400, nightly: 600 });
  const args = ['--maxmemory', `${maxMegabytes}mb`];
  fleet = await startFleet({ pools: { main: { maxConcurrency: lanes } }, env, redis: { args } });
  const bytes = tasks.bytes.with({ resultTtl: '1s' });
  // Callers take out of their streams what they have read. One does not, so that what entered it is seen.
  const unread = await fleet.flame.cast(bytes, size);
  await fleet.client.hset(`${fleet.keys().queue}${unread.id}`, 'f:w', 'silent');
  const silent = fleet.keys().reply('silent');
  await fleet.runner();
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < calls) {
      const fill = next++ % 256;
      const turn = sleep(paceMs);
      const result = (await fleet.flame.call(bytes, size, fill)) as Uint8Array;
      expect([result.length, result[0], result[size - 1]]).toEqual([size, fill, fill]);
      await turn;
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  expect(await fleet.client.xlen(silent)).toBe(1);
  expect(await streamBytes()).toBeLessThan(MEGABYTE);
  expect(await figure('errorstats', 'errorstat_OOM:count')).toBe(0);
  await waitFor(async () => (await figure('memory', 'used_memory')) < 4 * MEGABYTE + size, {
    what: 'the results to be gone',
    found: () => figure('memory', 'used_memory'),
  });
});

/** The most that a process has ever had in memory, bytes; 0 where that cannot be read. */
const peakBytes = (pid: number): number => {
  const file = `/proc/${pid}/status`;
  return existsSync(file) ? Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(file, 'utf8'))?.[1]) * 1024 : 0;
};

test('ME-10 calls whose records are far larger than any caller may send fail unread; those behind them are served', {
  timeout: 300_000,
}, async () => {
  const size = bySize({ push: 96, nightly: 300 }) * MEGABYTE;
  fleet = await startFleet({ pools: { main: { maxConcurrency: 2, payloadLimit: '4MB' } }, env });
  const { client, flame } = fleet;
  const { queue, args } = fleet.keys();
  const filler = Buffer.alloc(size, 'x');
  // One in the job itself, one beside it, where large arguments stand; both as a caller without limits would write them.
  const inline = await flame.cast(tasks.echo, 'HERE');
  const [head = '', tail = ''] = String(await client.hget(`${queue}${inline.id}`, 'data')).split('HERE');
  await client.hset(`${queue}${inline.id}`, 'data', Buffer.concat([Buffer.from(head), filler, Buffer.from(tail)]));
  const beside = await flame.cast(tasks.echo, Buffer.alloc(100_000));
  const envelope = JSON.parse(String(await client.hget(`${queue}${beside.id}`, 'data')));
  await client.hset(`${queue}${beside.id}`, 'data', JSON.stringify({ ...envelope, digest: digestOf(filler) }));
  await client.set(args(beside.id), filler);
  const good = Array.from({ length: 20 }, (_, i) => flame.call(tasks.echo, i));
  const runner = await fleet.runner();
  const before = peakBytes(runner.process.pid);
  for (const handle of [inline, beside]) {
    const error = await handle.result().catch((e: unknown) => e);
    expect(error).toMatchObject({ name: 'FlamePayloadTooLargeError', callId: handle.id });
    expect(await handle.status()).toMatchObject({ state: 'failed', attempts: 1, runnerLosses: 0 });
  }
  expect(await Promise.all(good)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  expect(runner.process.alive()).toBe(true);
  expect((await fleet.runners()).map(({ runnerId }) => runnerId)).toEqual([runner.runnerId]);
  // It holds less of both together than half of one.
  expect(peakBytes(runner.process.pid) - before).toBeLessThan(size / 2);
});
