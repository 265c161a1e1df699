/** C-31: the kernel takes an executor for want of memory, and the call hears that, at once. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { watchOomKills } from '../../src/executor/oom-kills.ts';
import { type TestCall, testPool, valueFrom, waitFor } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'flame-oom-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let made = 0;
/** A cgroup as the kernel shows it. */
const cgroup = (version: 'v1' | 'v2', limit: string, path = '/app/runner') => {
  made += 1;
  const root = join(folder, String(made));
  const at = version === 'v1' ? join(root, 'memory', path) : join(root, path);
  const [count, bound] =
    version === 'v1' ? ['memory.oom_control', 'memory.limit_in_bytes'] : ['memory.events', 'memory.max'];
  mkdirSync(at, { recursive: true });
  writeFileSync(join(at, bound), `${limit}\n`);
  const write = (kills: number): void =>
    writeFileSync(
      join(at, count),
      version === 'v1'
        ? `oom_kill_disable 0\nunder_oom 0\noom_kill ${kills}\n`
        : `low 0\nhigh 0\nmax 9\noom ${kills}\noom_kill ${kills}\noom_group_kill 0\n`,
    );
  write(3);
  const membership = version === 'v1' ? `5:cpu:/\n4:memory:${path}\n0::/\n` : `0::${path}\n`;
  return { source: { membership, root }, write, file: join(at, count), above: join(at, '..') };
};

test.each(['v1', 'v2'] as const)(
  'C-31: each kill of the kernel explains one end, and none of before (%s)',
  (version) => {
    let now = 0;
    const { source, write } = cgroup(version, '134217728');
    const kills = watchOomKills(source, () => now);
    expect([kills.limitBytes, kills.take()]).toEqual([134_217_728, false]);
    write(5);
    expect([kills.take(), kills.take(), kills.take()]).toEqual([true, true, false]);
    // The child of a call was killed, and its executor much later by somebody else.
    write(7);
    expect(kills.take()).toBe(true);
    now += 60_000;
    expect(kills.take()).toBe(false);
    kills.stop();
  },
);

test('C-31: no limit, a limit of a folder above, a container that sees only itself, and no cgroup at all', () => {
  const limitIn = (source: { membership: string; root: string }): number | undefined => {
    const kills = watchOomKills(source);
    kills.stop();
    return kills.limitBytes;
  };
  expect(limitIn(cgroup('v1', '9223372036854771712').source)).toBeUndefined();
  const two = cgroup('v2', 'max');
  expect(limitIn(two.source)).toBeUndefined();
  writeFileSync(join(two.above, 'memory.max'), '1000');
  expect(limitIn(two.source)).toBe(1_000);
  const { source } = cgroup('v2', '500', '/');
  expect(limitIn({ ...source, membership: '0::/docker/unseen\n' })).toBe(500);
  const none = watchOomKills({ membership: '', root: join(folder, 'none') });
  expect([none.limitBytes, none.take()]).toEqual([undefined, false]);
});

test('C-31: an executor that the kernel kills in a call is a memory error with the limit; one that somebody kills is not', async () => {
  const { source, write } = cgroup('v2', '471859200');
  const pool = testPool({ cgroup: source });
  const pid = (await valueFrom(pool.call('pid'))) as number;
  const begun = async (): Promise<TestCall> => {
    const call = pool.call('sleep', [60_000]);
    await waitFor(() => call.started, { what: 'the call to begin' });
    return call;
  };
  const taken = await begun();
  write(4);
  process.kill(pid, 'SIGKILL');
  expect(await taken.result).toMatchObject({ kind: 'memory', limitBytes: 471_859_200 });
  const other = await begun();
  for (const each of pool.pids) process.kill(each, 'SIGKILL');
  expect(await other.result).toMatchObject({ kind: 'crashed', byOutsider: true });
});

test('C-31: executors and what they start are offered to the kernel before their runner', async () => {
  const pool = testPool();
  const adjust = (pid: number | string): number => Number(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8'));
  const pid = (await valueFrom(pool.call('pid'))) as number;
  if (process.platform === 'linux') expect(adjust(pid)).toBe(Math.min(1_000, adjust('self') + 500));
});
