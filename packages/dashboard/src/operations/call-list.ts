/**
 * Lists of calls. Only names, times and messages are read: never arguments, results, or anything that needs decoding. Each pool
 * keeps a list for each state; a page merges them by time and says where the next one goes on in each, so that a page costs the
 * same however deep it lies.
 */

import { FlameConfigError } from '@flamejs/queue';
import { redactText } from '@flamejs/queue/internal';
import { type Link, pipelined } from './link.ts';
import { toNumber, toText } from './numbers.ts';
import type { CallListState, CallPage, CallQuery, CallRow } from './types.ts';

export const CALL_STATES: readonly CallListState[] = ['running', 'waiting', 'delayed', 'failed', 'succeeded'];

/** A filter by function looks at so many calls for one page. */
const SCAN = 2_000;
/** Rows that a list is read ahead by once it has given one. */
const AHEAD = 25;

/** Where calls of a state stand, the newest first; waiting ones with a priority have a list of their own. */
const LISTS: readonly {
  readonly state: CallListState;
  readonly key: string;
  readonly read: string;
  readonly size: string;
}[] = [
  { state: 'running', key: 'active', read: 'lrange', size: 'llen' },
  { state: 'waiting', key: 'wait', read: 'lrange', size: 'llen' },
  { state: 'waiting', key: 'prioritized', read: 'zrange', size: 'zcard' },
  { state: 'delayed', key: 'delayed', read: 'zrange', size: 'zcard' },
  { state: 'failed', key: 'failed', read: 'zrevrange', size: 'zcard' },
  { state: 'succeeded', key: 'completed', read: 'zrevrange', size: 'zcard' },
];

interface Source {
  readonly pool: string;
  readonly list: (typeof LISTS)[number];
  /** Where it goes on, counted from the newest. */
  at: number;
  /** Read and not yet given. */
  readonly rows: (CallRow | typeof GONE)[];
  ended: boolean;
}

/** A job that was removed between two reads: it had a place in its list, and is not shown. */
const GONE = null;

/** @throws FlameConfigError for a cursor that is none of this list */
export const listCalls = async (link: Link, pools: readonly string[], query: CallQuery): Promise<CallPage> => {
  const { limit, state, functionName, cursor } = query;
  const lists = LISTS.filter((list) => state === undefined || list.state === state);
  const starts = cursor === undefined ? [] : parseCursor(cursor, pools.length * lists.length);
  const sources = pools
    .flatMap((pool) => lists.map((list) => ({ pool, list })))
    .map((source, i): Source => ({ ...source, at: starts[i] ?? 0, rows: [], ended: false }));
  const most = functionName === undefined ? Number.POSITIVE_INFINITY : SCAN;
  const calls: CallRow[] = [];
  let scanned = 0;
  // The newest of each, then more of those that give something.
  await fill(link, sources, pools.length === 1 ? limit : 1);
  while (calls.length < limit && scanned < most) {
    const source = newestOf(sources);
    const row = source?.rows.shift();
    if (source === undefined || row === undefined) break;
    source.at += 1;
    scanned += 1;
    if (row !== GONE && (functionName === undefined || row.functionName === functionName)) calls.push(row);
    if (source.rows.length === 0) await fill(link, [source], functionName === undefined ? AHEAD : SCAN / 10);
  }
  const more = sources.some(({ rows }) => rows.length > 0);
  const sizes = await pipelined(
    link.client,
    sources.map(({ pool, list }) => [list.size, `${link.keys(pool).queue}${list.key}`] as const),
  );
  return {
    calls,
    total: sizes.reduce<number>((sum, size) => sum + toNumber(size), 0),
    scanned,
    next: more ? encodeCursor(sources.map(({ at }) => at)) : null,
  };
};

const newestOf = (sources: readonly Source[]): Source | undefined => {
  let best: Source | undefined;
  for (const source of sources) {
    if (source.rows.length === 0) continue;
    if (best === undefined || timeOf(source.rows[0]) > timeOf(best.rows[0])) best = source;
  }
  return best;
};

/** What is gone is out of the way first. */
const timeOf = (row: CallRow | null | undefined): number =>
  row ? row.finishedAt || row.startedAt || row.enqueuedAt : Number.POSITIVE_INFINITY;

const FIELDS = ['name', 'timestamp', 'processedOn', 'finishedOn', 'failedReason', 'ats', 'f:base', 'f:gen', 'f:run'];

/** Reads the next rows of each, in two round trips however many they are. */
const fill = async (link: Link, sources: readonly Source[], count: number): Promise<void> => {
  const open = sources.filter(({ ended }) => !ended);
  const ranges = await pipelined(
    link.client,
    open.map(({ pool, list, at }) => [list.read, `${link.keys(pool).queue}${list.key}`, at, at + count - 1] as const),
  );
  const found = open.map((source, i) => ({ source, ids: (ranges[i] ?? []) as readonly string[] }));
  const hashes = await pipelined(
    link.client,
    found.flatMap(({ source, ids }) =>
      ids.map((id) => ['hmget', `${link.keys(source.pool).queue}${id}`, ...FIELDS] as const),
    ),
  );
  let next = 0;
  for (const { source, ids } of found) {
    for (const id of ids) {
      const fields = (hashes[next] ?? []) as (string | null)[];
      next += 1;
      const gone = fields[0] === null || fields[0] === undefined;
      source.rows.push(gone ? GONE : toRow(id, source.pool, source.list.state, fields));
    }
    source.ended = ids.length < count;
  }
};

/** Places in all lists: numbers in base 36, for there may be hundreds. */
const encodeCursor = (places: readonly number[]): string => places.map((at) => at.toString(36)).join('.');

const parseCursor = (cursor: string, lists: number): readonly number[] => {
  const places = cursor
    .split('.')
    .map((text) => (/^[0-9a-z]{1,9}$/.test(text) ? Number.parseInt(text, 36) : Number.NaN));
  if (places.length === lists && places.every(Number.isSafeInteger)) return places;
  const message = 'cursor: it is none of this list: begin again without one';
  throw new FlameConfigError(message, { problems: [{ path: 'cursor', message }] });
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
