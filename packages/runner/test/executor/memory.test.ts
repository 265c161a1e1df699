/** What executors keep in memory from one call to the next: those that keep much are replaced, and no call pays for it. */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { bySize } from '../../../../tests/support/tier.ts';
import { residentBytes } from '../../src/executor/memory-watch.ts';
import { type TestPool, testPool, valueFrom, waitFor } from './support.ts';

const MEGABYTE = 1024 * 1024;
/** Beyond this share of the limit an executor is replaced between calls. */
const SHARE = 0.7;
const measured = test.runIf(existsSync('/proc/self/status'));

const largestOf = async ({ pids }: TestPool): Promise<number> =>
  Math.max(0, ...(await Promise.all(pids.map(async (pid) => (await residentBytes(pid)) ?? 0))));

measured(
  'ME-02 threads that churn native memory for hundreds of calls: executors change, memory stays, no call is lost',
  {
    timeout: 300_000,
  },
  async () => {
    const limit = 512 * MEGABYTE;
    const calls = bySize({ push: 60, nightly: 500 });
    const threads = bySize({ push: 4, nightly: 8 });
    const pool = testPool({ memoryLimit: limit, spare: 1 });
    await pool.start();
    const pids: number[] = [];
    let largest = 0;
    for (let i = 0; i < calls; i += 1) {
      // One after the other without a pause; all that they keep is far more than the limit.
      const { pid, rss } = (await valueFrom(pool.call('churn', [threads, 4, (12 / threads) * MEGABYTE]))) as Kept;
      pids.push(pid);
      largest = Math.max(largest, rss);
    }
    expect(new Set(pids).size).toBeGreaterThanOrEqual(3);
    expect(largest).toBeLessThan(limit);
  },
);

interface Kept {
  readonly pid: number;
  readonly rss: number;
}

measured(
  'ME-03 after a peak, and when it grows while it idles, an executor is replaced by one that then stays',
  async () => {
    const pool = testPool({ memoryLimit: 400 * MEGABYTE });
    const peaked = (await valueFrom(pool.call('peak', [300]))) as number;
    const small = async (before: number): Promise<boolean> =>
      pool.pids.length === 1 && !pool.pids.includes(before) && (await largestOf(pool)) < 400 * MEGABYTE * SHARE;
    await waitFor(() => small(peaked), { what: 'the executor to be replaced after the peak' });
    const grown = (await valueFrom(pool.call('keep-later', [300, 300]))) as number;
    expect(grown).not.toBe(peaked);
    await waitFor(() => small(grown), { what: 'the executor to be replaced while it idles' });
    // For as long as nothing is called nothing changes any more.
    const [idle] = pool.pids;
    const until = performance.now() + bySize({ push: 1_500, nightly: 30_000 });
    while (performance.now() < until) {
      expect(pool.pids).toEqual([idle]);
      await sleep(50);
    }
    expect(await valueFrom(pool.call('pid'))).toBe(idle);
  },
);
