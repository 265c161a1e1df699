/** Lists of calls. Only names, times and messages are read: never arguments, results, or anything that needs decoding. */
import { redactText } from '@flamejs/queue/internal';
import { type Link, pipelined } from './link.ts';
import { toNumber, toText } from './numbers.ts';
import type { CallListState, CallPage, CallQuery, CallRow } from './types.ts';

export const CALL_STATES: readonly CallListState[] = ['running', 'waiting', 'delayed', 'failed', 'succeeded'];

/** A filter by function looks at so many of the newest calls of each state. */
const SCAN = 2_000;

export const listCalls = async (link: Link, pools: readonly string[], query: CallQuery): Promise<CallPage> => {
  const states = query.state === undefined ? CALL_STATES : [query.state];
  const filtered = query.functionName !== undefined;
  const depth = filtered ? SCAN : query.offset + query.limit;
  const lists = await Promise.all(pools.flatMap((pool) => states.map((state) => readList(link, pool, state, depth))));
  const rows = lists.flatMap((list) => list.rows);
  const wanted = filtered ? rows.filter((row) => row.functionName === query.functionName) : rows;
  // One list has its order from Redis; several are merged by time.
  const sorted = lists.length === 1 ? wanted : wanted.sort((a, b) => newest(b) - newest(a));
  return {
    calls: sorted.slice(query.offset, query.offset + query.limit),
    total: lists.reduce((sum, list) => sum + list.total, 0),
    scanned: depth,
  };
};

const newest = (row: CallRow): number => row.finishedAt || row.startedAt || row.enqueuedAt;

const FIELDS = ['name', 'timestamp', 'processedOn', 'finishedOn', 'failedReason', 'ats', 'f:base', 'f:gen', 'f:run'];

const readList = async (
  link: Link,
  pool: string,
  state: CallListState,
  depth: number,
): Promise<{ rows: readonly CallRow[]; total: number }> => {
  const { queue } = link.keys(pool);
  const { ids, total } = await readIds(link, queue, state, depth);
  const hashes = await pipelined(
    link.client,
    ids.map((id) => ['hmget', `${queue}${id}`, ...FIELDS] as const),
  );
  // A job may be removed between the two reads: then it is not listed.
  const rows = ids.flatMap((id, i) => {
    const fields = (hashes[i] ?? []) as (string | null)[];
    return fields[0] === null || fields[0] === undefined ? [] : [toRow(id, pool, state, fields)];
  });
  return { rows, total };
};

const readIds = async (
  { client }: Link,
  queue: string,
  state: CallListState,
  depth: number,
): Promise<{ ids: readonly string[]; total: number }> => {
  const last = depth - 1;
  switch (state) {
    case 'running':
      return { ids: await client.lrange(`${queue}active`, 0, last), total: await client.llen(`${queue}active`) };
    case 'waiting': {
      const [wait, prioritized, a, b] = await Promise.all([
        client.lrange(`${queue}wait`, 0, last),
        client.zrange(`${queue}prioritized`, '0', String(last)),
        client.llen(`${queue}wait`),
        client.zcard(`${queue}prioritized`),
      ]);
      return { ids: [...wait, ...prioritized].slice(0, depth), total: a + b };
    }
    case 'delayed':
      return {
        ids: await client.zrange(`${queue}delayed`, '0', String(last)),
        total: await client.zcard(`${queue}delayed`),
      };
    case 'failed':
    case 'succeeded': {
      const set = `${queue}${state === 'failed' ? 'failed' : 'completed'}`;
      return { ids: await client.zrevrange(set, 0, last), total: await client.zcard(set) };
    }
  }
};

const TEXT_LENGTH = 300;

const toRow = (id: string, pool: string, state: CallListState, fields: readonly (string | null)[]): CallRow => ({
  id,
  pool,
  functionName: toText(fields[0]),
  state,
  generation: toNumber(fields[7]),
  attempts: Math.max(0, toNumber(fields[5]) - toNumber(fields[6])),
  runnerId: toText(fields[8]),
  enqueuedAt: toNumber(fields[1]),
  startedAt: toNumber(fields[2]),
  finishedAt: toNumber(fields[3]),
  text: redactText(toText(fields[4]).slice(0, TEXT_LENGTH)),
});
