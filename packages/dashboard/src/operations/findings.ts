/** What is wrong in an app, in sentences: records that cannot be read, schedules that nobody runs, calls that make themselves. */

import {
  type DamagedRecord,
  listSchedules,
  MAKE_UP_MS,
  parseOrder,
  parsePoolStatus,
  redisNow,
  removalOf,
} from '@flamejs/protocol';
import type { Tuner } from '@flamejs/queue';
import { parseIntent } from './intents.ts';
import type { Link } from './link.ts';
import { toNumber } from './numbers.ts';
import { readPoolNames } from './pool-names.ts';
import { readEvents } from './streams.ts';

/** An autoscaler that was heard of longer ago is taken for gone. */
export const SILENT_MS = 60_000;
/** Loops of calls are told of for a day. */
const LOOPS_MS = 24 * 60 * 60 * 1000;
/** Events that are looked through for them, in each pool. */
const LOOKED_THROUGH = 500;
/** Most damaged records that are named one by one. */
const MOST_NAMED = 20;

/** @param tuner judges live settings; without it nothing is said of them */
export const readFindings = async (link: Link, tuner?: Tuner): Promise<readonly string[]> => {
  const damaged: DamagedRecord[] = [];
  const note = (record: DamagedRecord): void => void damaged.push(record);
  const [names, now, beat, registry, intents] = await Promise.all([
    readPoolNames(link),
    redisNow(link.client),
    link.client.get(link.app.heartbeat),
    link.client.hgetall(link.app.pools),
    link.client.hgetall(link.app.intents),
  ]);
  for (const [field, text] of Object.entries(registry))
    if (parsePoolStatus(text) === undefined)
      note({ what: `what the autoscaler says of pool "${field}"`, key: link.app.pools, field });
  for (const [field, text] of Object.entries(intents))
    if (parseIntent(text) === undefined)
      note({ what: `the autoscaler's record of runner ${field}`, key: link.app.intents, field });
  const silent = beat === null || now - toNumber(beat) > SILENT_MS;
  const [schedules, loops] = await Promise.all([
    Promise.all(names.map((pool) => readPool(link, pool, { now, silent, note }))),
    Promise.all(names.map((pool) => loopsIn(link, pool, now))),
  ]);
  return [...schedules.flat(), ...loops.flat(), ...(await badSettings(link, tuner)), ...damageIn(damaged)];
};

interface Circumstances {
  readonly now: number;
  readonly silent: boolean;
  readonly note: (record: DamagedRecord) => void;
}

const readPool = async (link: Link, pool: string, { now, silent, note }: Circumstances): Promise<readonly string[]> => {
  const keys = link.keys(pool);
  const [schedules, orders, [first, moment]] = await Promise.all([
    listSchedules(link.client, keys, note),
    link.client.hgetall(keys.orders),
    link.client.zrange(keys.scheduleMoments, '0', '0', 'WITHSCORES'),
  ]);
  for (const [runnerId, text] of Object.entries(orders))
    if (parseOrder(runnerId, text) === undefined)
      note({ what: `an order for runner ${runnerId}`, key: keys.orders, field: runnerId });
  if (schedules.length === 0) return [];
  const what = `${schedules.length} ${schedules.length === 1 ? 'schedule' : 'schedules'} of pool "${pool}"`;
  const overdueMs = first === undefined ? 0 : now - Number(moment);
  if (!Object.hasOwn(link.config.pools, pool)) return [`${what} cast nothing: the config has no such pool`];
  if (silent)
    return [`${what} cast nothing: the autoscaler runs schedules, and none is running (\`npx flamejs autoscaler\`)`];
  if (overdueMs > MAKE_UP_MS && schedules.some(({ id }) => id === first))
    return [
      `schedule ${JSON.stringify(first)} of pool "${pool}" is late by ${Math.round(overdueMs / 1000)} s: is the pool full?`,
    ];
  return [];
};

/** Lines of calls that were stopped because they made themselves without end. */
const loopsIn = async (link: Link, pool: string, now: number): Promise<readonly string[]> => {
  const events = await readEvents(link, pool, LOOKED_THROUGH);
  const loops = events.filter(({ type, at }) => type === 'call.loop' && now - at < LOOPS_MS);
  const [newest] = loops;
  if (newest === undefined) return [];
  const others = loops.length === 1 ? '' : `, the newest of ${loops.length} within a day`;
  return [`a line of calls was stopped in pool "${pool}"${others}: ${newest.reason}`];
};

const badSettings = async (link: Link, tuner: Tuner | undefined): Promise<readonly string[]> => {
  if (tuner === undefined) return [];
  const pools = Object.values(link.config.pools);
  const raws = await Promise.all(pools.map(({ name }) => link.client.hgetall(link.keys(name).settings)));
  return pools.flatMap((pool, i) => {
    const read = tuner.read(pool, raws[i] ?? {});
    return read.ok ? [] : [`live settings of pool "${pool.name}" are not in force: ${read.problems.join('; ')}`];
  });
};

const damageIn = (damaged: readonly DamagedRecord[]): readonly string[] => {
  const named = damaged.slice(0, MOST_NAMED);
  const more = damaged.length - named.length;
  return [
    ...named.map((record) => `damaged in Redis and skipped: ${record.what}. ${removalOf(record)}`),
    ...(more > 0 ? [`${more} more damaged records`] : []),
  ];
};
