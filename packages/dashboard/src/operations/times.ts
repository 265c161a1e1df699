/** How long the calls of a pool waited and ran of late, by Redis' clock; of the newest that have succeeded. */
import { parseHead } from '@flamejs/protocol';
import { type Link, pipelined } from './link.ts';
import { toNumber } from './numbers.ts';
import type { CallTimes, Percentiles } from './types.ts';

const CALLS = 200;
/** Points of the chart. */
const BUCKETS = 40;

interface Timed {
  readonly at: number;
  readonly waitMs: number;
  readonly runMs: number;
}

export const readTimes = async (link: Link, pool: string): Promise<CallTimes> => {
  const keys = link.keys(pool);
  const ids = await link.client.zrevrange(`${keys.queue}completed`, 0, CALLS - 1);
  const replies = await pipelined(
    link.client,
    ids.flatMap((id) => [
      ['hget', `${keys.queue}${id}`, 'f:since'] as const,
      ['hmget', keys.outcome(id), 'head', 'at'] as const,
    ]),
  );
  const calls = ids.flatMap((_, i): readonly Timed[] => {
    const [head, at] = (replies[2 * i + 1] ?? []) as (string | null)[];
    // Outcomes run out before the jobs of their calls leave the list.
    if (head === null || head === undefined) return [];
    const { startedAt } = parseHead(head);
    if (startedAt === 0) return [];
    const since = toNumber(replies[2 * i]);
    return [{ at: toNumber(at), waitMs: Math.max(0, startedAt - since), runMs: Math.max(0, toNumber(at) - startedAt) }];
  });
  return timesOf(calls);
};

/** Pure. @param calls newest first */
export const timesOf = (calls: readonly Timed[]): CallTimes => ({
  count: calls.length,
  waitMs: percentiles(calls.map(({ waitMs }) => waitMs)),
  runMs: percentiles(calls.map(({ runMs }) => runMs)),
  points: bucketsOf([...calls].sort((a, b) => a.at - b.at)),
});

const bucketsOf = (calls: readonly Timed[]): CallTimes['points'] => {
  const [first, last] = [calls[0]?.at ?? 0, calls.at(-1)?.at ?? 0];
  const widthMs = Math.max(1_000, (last - first) / BUCKETS);
  return [...groupsOf(calls, first, widthMs)].map(([bucket, group]) => ({
    at: Math.round(first + bucket * widthMs),
    waitMs: percentiles(group.map(({ waitMs }) => waitMs)).p95,
    runMs: percentiles(group.map(({ runMs }) => runMs)).p95,
  }));
};

const groupsOf = (calls: readonly Timed[], first: number, widthMs: number): ReadonlyMap<number, readonly Timed[]> => {
  const groups = new Map<number, Timed[]>();
  for (const call of calls) {
    const bucket = Math.floor((call.at - first) / widthMs);
    groups.set(bucket, [...(groups.get(bucket) ?? []), call]);
  }
  return groups;
};

/** By nearest rank. */
const percentiles = (values: readonly number[]): Percentiles => {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
};
