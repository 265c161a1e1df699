/** Outcomes in Redis: looking them up, saying that they were read, and ending calls that have not begun. Thin functions over our scripts. */
import { type RedisClient, runScript } from '../connect.ts';
import type { PoolKeys } from '../keys.ts';
import { readLarge } from '../large-reads.ts';
import { type Delivery, type Lookup, parseHead, type SettledWaiting, type WaitingVerdict } from '../outcome.ts';
import { INLINE_REPLY_BYTES, READ_BODY_MS } from '../verdict.ts';

/** Bodies of more bytes stand in a key of their own (`LARGE_BYTES` of the scripts). */
const LARGE_BODY_BYTES = 64 * 1024;

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
  const head = parseHead(reply[2]);
  const body = reply[4] ?? (await fetchBody(client, keys, callId, head.size));
  // It may expire between the two reads; then it is as if it had expired before them.
  if (body === undefined) return { state: 'missing' };
  const awaited = reply[3]?.toString() === '1';
  return { state, outcome: { generation, head, body, awaited } };
};

/**
 * @param size bytes of the value before it was sealed, where they are known: a large one is looked for where large ones are
 * @returns the encoded value or error of a settled call, `undefined` once it has expired.
 */
export const fetchBody = async (
  client: RedisClient,
  keys: PoolKeys,
  callId: string,
  size = 0,
): Promise<Buffer | undefined> => {
  if (size > LARGE_BODY_BYTES) {
    const body = await readLarge(client, (by) => by.getBuffer(keys.body(callId)), Buffer.allocUnsafeSlow);
    if (body !== null) return body;
  }
  const [small, large] = await Promise.all([
    client.hgetBuffer(keys.outcome(callId), 'body'),
    client.getBuffer(keys.body(callId)),
  ]);
  return small ?? large ?? undefined;
};

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
