/** Reads `bullmq` of a pool: which queue of BullMQ its runners serve. */
import { no, type Parsed, show, yes } from '@flamejs/protocol/parsed';
import type { BullmqInput } from './input.ts';

/** A queue of BullMQ, by the names that its own `Queue` takes. */
export interface BullmqQueue {
  readonly queue: string;
  /** First part of its keys: `<prefix>:<queue>:`. */
  readonly prefix: string;
}

/** BullMQ's own default. */
export const BULLMQ_PREFIX = 'bull';

export const readBullmq = (value: unknown): Parsed<BullmqInput> => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return no(`expected { queue, prefix }, either of which may be left out, got ${show(value)}`);
  const { queue, prefix, ...rest } = value as Readonly<Record<string, unknown>>;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) return no(`has an unknown part "${unknown}"; it has queue and prefix`);
  if (queue !== undefined && (typeof queue !== 'string' || queue === '' || queue.includes(':')))
    return no(`queue: expected the name of a queue, which has no ":", got ${show(queue)}`);
  if (prefix !== undefined && (typeof prefix !== 'string' || prefix === ''))
    return no(`prefix: expected a text, got ${show(prefix)}`);
  return yes({ queue, prefix } as BullmqInput);
};

/** @returns the queue with BullMQ's defaults; `undefined` when the pool serves none */
export const bullmqQueue = (pool: string, given: BullmqInput | undefined): BullmqQueue | undefined =>
  given === undefined ? undefined : { queue: given.queue ?? pool, prefix: given.prefix ?? BULLMQ_PREFIX };
