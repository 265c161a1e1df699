/** Reading calls: their outcome, and what they wait for. Thin functions over our scripts, with typed answers. */

import { type RedisClient, runScript } from './connect.ts';
import type { PoolKeys } from './keys.ts';
import { haveNumbers, parseObject } from './stored.ts';
import { INLINE_REPLY_BYTES, type OutcomeHead } from './verdict.ts';

export interface Outcome {
  readonly generation: number;
  readonly head: OutcomeHead;
  /** Packed value or error. */
  readonly body: Uint8Array;
  /** It is kept for us: `acknowledge` that it was read. */
  readonly awaited?: boolean;
}

export type Lookup =
  | { readonly state: 'settled'; readonly outcome: Outcome }
  /** `bounded`: it has a queueTimeout or a deadline, which whoever waits for it has to keep. */
  | { readonly state: 'pending'; readonly generation: number; readonly bounded: boolean }
  /** A large result that went a while after its only waiter had read it: `at` Redis ms, `to` a process. */
  | { readonly state: 'delivered'; readonly at: number; readonly to: string }
  /** Neither a job nor an outcome: removed, expired, or lost with Redis' data. */
  | { readonly state: 'missing' };

/**
 * Looks a call up and, while it has no outcome, joins those who are told of it.
 * @param waiter the caller's reply stream, '' to only look
 */
export const lookupCall = async (
  client: RedisClient,
  keys: PoolKeys,
  callId: string,
  waiter: string,
): Promise<Lookup> => {
  const reply = (await runScript(
    client,
    'flameLookup',
    [keys.queue, callId, waiter, INLINE_REPLY_BYTES],
    true,
  )) as Buffer[];
  const state = reply[0]?.toString();
  if (state === 'pending') return { state, generation: Number(reply[1]), bounded: reply[2]?.toString() === '1' };
  if (state === 'delivered') return { state, at: Number(reply[2]), to: String(reply[3]) };
  if (state !== 'settled') return { state: 'missing' };
  const generation = Number(reply[1]);
  const body = reply[4] ?? (await fetchBody(client, keys, callId));
  // It may expire between the two reads; then it is as if it had expired before them.
  if (body === undefined) return { state: 'missing' };
  const awaited = reply[3]?.toString() === '1';
  return { state, outcome: { generation, head: parseHead(reply[2]), body, awaited } };
};

/** @returns the encoded value or error of a settled call, `undefined` once it has expired. */
export const fetchBody = async (client: RedisClient, keys: PoolKeys, callId: string): Promise<Buffer | undefined> => {
  const [small, large] = await Promise.all([
    client.hgetBuffer(keys.outcome(callId), 'body'),
    client.getBuffer(keys.body(callId)),
  ]);
  return small ?? large ?? undefined;
};

/** How long a large result that its only waiter has read is kept; milliseconds. */
export const READ_BODY_MS = 60_000;

/** What a caller has read, or no longer wants. */
export interface Delivery {
  readonly callId: string;
  readonly generation: number;
  /** Its value has arrived. What nobody could read, or wanted, is kept like one that nobody has waited for. */
  readonly read: boolean;
}

/** Says what a caller has read: outcomes are kept for those who wait. @param by the caller's process, for people */
export const acknowledge = async (
  client: RedisClient,
  keys: PoolKeys,
  waiter: string,
  by: string,
  deliveries: readonly Delivery[],
): Promise<void> => {
  const which = deliveries.flatMap(({ callId, generation, read }) => [callId, generation, read ? '1' : '0']);
  await runScript(client, 'flameDelivered', [keys.queue, waiter, by, READ_BODY_MS, ...which]);
};

const HEAD_NUMBERS = ['attempts', 'runnerLosses', 'startedAt', 'size'] as const;

/** @returns the head; for a text that is none, one that says so: the call has ended, and nobody knows how. Never throws. */
export const parseHead = (text: Uint8Array | string | null | undefined): OutcomeHead => {
  const fields = parseObject(text === null || text === undefined ? undefined : String(text));
  const whole =
    fields !== undefined &&
    typeof fields.ok === 'boolean' &&
    ['kind', 'message', 'runnerId'].every((name) => typeof fields[name] === 'string') &&
    haveNumbers(fields, HEAD_NUMBERS);
  return whole ? (fields as unknown as OutcomeHead) : DAMAGED_HEAD;
};

/** Stands for every head that cannot be read. */
export const DAMAGED_HEAD: OutcomeHead = {
  ok: false,
  kind: 'FlameDataLossError',
  message: 'its stored outcome is damaged: how it ended is not known',
  attempts: 0,
  runnerLosses: 0,
  runnerId: '',
  startedAt: 0,
  size: 0,
};

export type SettledWaiting = 'settled' | 'active' | 'finished' | 'missing';

export interface WaitingVerdict {
  /** 0 for whichever generation is current. */
  readonly generation: number;
  readonly head: OutcomeHead;
  readonly body: Uint8Array;
  /** Ask a call that runs to stop with this reason; without it, a running call is left alone. */
  readonly cancelReason?: string;
}

/** Settles a call that has not started, atomically: afterwards nothing of it runs. */
export const settleWaiting = async (
  client: RedisClient,
  keys: PoolKeys,
  callId: string,
  verdict: WaitingVerdict,
): Promise<SettledWaiting> => {
  const { generation, head, cancelReason } = verdict;
  const args = [
    keys.queue,
    callId,
    generation,
    JSON.stringify(head),
    verdict.body,
    head.message,
    INLINE_REPLY_BYTES,
    cancelReason ?? '',
  ];
  return String(await runScript(client, 'flameSettleWaiting', args)) as SettledWaiting;
};
