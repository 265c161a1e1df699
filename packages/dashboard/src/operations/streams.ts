/** A pool's two streams: what happened to its machines, and the samples from which charts are drawn. Newest first. */
import type { HistorySample } from '@flamejs/queue';
import type { Link } from './link.ts';
import { parseObject, toNumber, toRecord, toText } from './numbers.ts';
import type { EventView, Sample } from './types.ts';

export const readEvents = async (link: Link, pool: string, count: number): Promise<readonly EventView[]> => {
  // Redis answers COUNT 0 with nil in the place of an empty list.
  if (count === 0) return [];
  // More than wanted, for some are told twice.
  const entries = await link.client.xrevrange(link.keys(pool).events, '+', '-', 'COUNT', 2 * count);
  const events = entries.map(([id, flat]): EventView => {
    const fields = toRecord(flat);
    const runnerId = toText(fields.runnerId);
    return {
      id,
      pool,
      at: toNumber(fields.at),
      type: toText(fields.type),
      ...(runnerId === '' ? {} : { runnerId }),
      reason: toText(fields.reason),
      details: parseObject(fields.details) ?? {},
    };
  });
  return toldOnce(events).slice(0, count);
};

/** Between a runner that says what it does and an autoscaler that sees it lies a tick, or an outage. */
const SAME_MS = 60_000;

/** What runner and autoscaler both tell is listed once, as it was told first. @param events newest first */
const toldOnce = (events: readonly EventView[]): readonly EventView[] =>
  events.filter(
    (event, i) =>
      event.runnerId === undefined ||
      !events
        .slice(i + 1)
        .some(
          (earlier) =>
            earlier.runnerId === event.runnerId &&
            earlier.type === event.type &&
            earlier.details?.teller !== event.details?.teller &&
            event.at - earlier.at < SAME_MS,
        ),
  );

/** @returns the oldest first, as a chart is drawn */
export const readHistory = async (link: Link, pool: string, count: number): Promise<readonly Sample[]> => {
  const samples = await readSamples(link, pool, count);
  return samples.map((n) => ({
    at: n('at'),
    waiting: n('waiting'),
    active: n('active'),
    ready: n('ready'),
    booting: n('booting') + n('requested'),
    draining: n('draining'),
    wanted: Math.max(0, n('wanted')),
    oldestWaitMs: n('oldestWaitMs'),
  }));
};

/** What the replay of other settings looks at. */
export const readReplayHistory = async (link: Link, pool: string, count: number): Promise<readonly HistorySample[]> => {
  const samples = await readSamples(link, pool, count);
  const measured = (value: number): number | null => (value > 0 ? value : null);
  return samples.map((n) => ({
    at: n('at'),
    waiting: n('waiting'),
    dueSoon: n('dueSoon'),
    active: n('active'),
    oldestWaitMs: n('oldestWaitMs'),
    paused: n('paused') === 1,
    ready: n('ready'),
    useful: n('useful'),
    serviceTimeMs: measured(n('serviceTimeMs')),
    bootTimeMs: measured(n('bootTimeMs')),
  }));
};

/** The newest samples of a pool, the oldest of them first, each as a look-up of its numbers. */
const readSamples = async (link: Link, pool: string, count: number): Promise<readonly ((name: string) => number)[]> => {
  if (count === 0) return [];
  const entries = await link.client.xrevrange(link.keys(pool).history, '+', '-', 'COUNT', count);
  return entries.reverse().flatMap(([, flat]) => {
    const fields = toRecord(flat);
    // Without its time a sample is none: a chart would begin in 1970.
    return toNumber(fields.at) > 0 ? [(name: string) => toNumber(fields[name])] : [];
  });
};
