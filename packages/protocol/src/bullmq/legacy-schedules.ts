/**
 * Repeatable jobs in the form that BullMQ had before its job schedulers. BullMQ 6 fires one that is waiting and never makes the next: so a
 * queue that has any is not served before they are moved.
 */
import type { RedisClient } from '../connect.ts';

/** A queue of BullMQ, by its names. */
export interface QueueNames {
  readonly queue: string;
  readonly prefix: string;
}

export interface LegacySchedule {
  /** Its member in the queue's `repeat` set. */
  readonly key: string;
  /** Of its jobs. */
  readonly name: string;
  readonly pattern: string | undefined;
  /** Milliseconds. */
  readonly every: number | undefined;
  readonly tz: string | undefined;
  /** Epoch milliseconds. */
  readonly endDate: number | undefined;
  /** When its next job is due, epoch milliseconds. */
  readonly nextAt: number;
}

/** Prefix of a queue's keys, ending in a colon. */
export const queueBase = ({ prefix, queue }: QueueNames): string => `${prefix}:${queue}:`;

/** @returns those of one queue, by their next moment */
export const findLegacySchedules = async (
  client: RedisClient,
  queue: QueueNames,
): Promise<readonly LegacySchedule[]> => {
  const repeat = `${queueBase(queue)}repeat`;
  const members = await client.zrange(repeat, '0', '-1', 'WITHSCORES');
  const found: LegacySchedule[] = [];
  for (let at = 0; at + 1 < members.length; at += 2) {
    const key = members[at] ?? '';
    const fields = await client.hgetall(`${repeat}:${key}`);
    // BullMQ's own test: the count of iterations is written by job schedulers alone.
    if (fields.ic === undefined) found.push(legacyOf(key, Number(members[at + 1]), fields));
  }
  return found;
};

/** In words, for a list. */
export const describeLegacy = ({ name, pattern, every, tz }: LegacySchedule): string =>
  `"${name}" (${pattern === undefined ? `every ${every ?? '?'} ms` : `${pattern}${tz === undefined ? '' : ` in ${tz}`}`})`;

/** Before 5.9 the key alone said everything: `name:id:endDate:tz:pattern`. */
const legacyOf = (key: string, nextAt: number, fields: Readonly<Record<string, string>>): LegacySchedule => {
  if (fields.name !== undefined)
    return {
      key,
      nextAt,
      name: fields.name,
      pattern: fields.pattern,
      every: numberOf(fields.every),
      tz: fields.tz,
      endDate: numberOf(fields.endDate),
    };
  const [name = key, , endDate, tz, ...rest] = key.split(':');
  const rule = rest.join(':');
  const every = /^\d+$/.test(rule) ? Number(rule) : undefined;
  return {
    key,
    nextAt,
    name,
    pattern: every === undefined && rule !== '' ? rule : undefined,
    every,
    tz: tz === '' ? undefined : tz,
    endDate: numberOf(endDate),
  };
};

const numberOf = (text: string | undefined): number | undefined =>
  text === undefined || !/^\d+$/.test(text) ? undefined : Number(text);
