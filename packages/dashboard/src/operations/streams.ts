/** A pool's two streams: what happened to its machines, and the samples from which charts are drawn. Newest first. */
import type { Link } from './link.ts';
import { parseObject, toNumber, toRecord, toText } from './numbers.ts';
import type { EventView, Sample } from './types.ts';

export const readEvents = async (link: Link, pool: string, count: number): Promise<readonly EventView[]> => {
  // Redis answers COUNT 0 with nil in the place of an empty list.
  if (count === 0) return [];
  const entries = await link.client.xrevrange(link.keys(pool).events, '+', '-', 'COUNT', count);
  return entries.map(([id, flat]) => {
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
};

/** @returns the oldest first, as a chart is drawn */
export const readHistory = async (link: Link, pool: string, count: number): Promise<readonly Sample[]> => {
  if (count === 0) return [];
  const entries = await link.client.xrevrange(link.keys(pool).history, '+', '-', 'COUNT', count);
  return entries.reverse().map(([, flat]) => {
    const fields = toRecord(flat);
    const n = (name: string): number => toNumber(fields[name]);
    return {
      at: n('at'),
      waiting: n('waiting'),
      active: n('active'),
      ready: n('ready'),
      booting: n('booting') + n('requested'),
      draining: n('draining'),
      wanted: Math.max(0, n('wanted')),
      oldestWaitMs: n('oldestWaitMs'),
    };
  });
};
