/** The calls of a pool in Redis, on BullMQ's layout of keys. Thin: what happens stands in the scripts. */
import { type RedisClient, runScript, type ScriptArgument } from '../connect.ts';
import { MOST_ENVELOPE_BYTES } from '../envelope.ts';
import type { PoolKeys } from '../keys.ts';
import { FIELDS } from '../lua/embedded.ts';
import { INLINE_REPLY_BYTES } from '../verdict.ts';
import type { Acceptance, AcceptedCall, CallStore, Refill, Settled, TakenCall, Taker, Verdict } from './call-store.ts';
import { LOCK_MS } from './lock.ts';
import { createRedisRest } from './redis-rest.ts';

/** Finished jobs that stay for the dashboard; outcomes have keys and times of their own. */
const KEEP_COMPLETED = 1_000;

/** What a store comes to know beside what it was asked for. */
export interface StoreNotes {
  /** It will be asked for stalled calls: reconnects are noted from now on, after which no call counts as stalled for a while. */
  readonly reclaims?: true;
  /** This Redis user lacks a right: nothing can be pushed, and who waits looks or reads instead. */
  readonly onPushRefused?: () => void;
  /** Replies for the caller, who hears pushes, stand in its stream. */
  readonly onUnread?: () => void;
}

/** @param client owned by the caller */
export const createRedisStore = (client: RedisClient, keys: PoolKeys, notes: StoreNotes = {}): CallStore => ({
  ...createRedisRest(client, keys, notes.reclaims === true),
  async accept(calls) {
    const [first] = calls;
    if (first === undefined) return [];
    const args: ScriptArgument[] = [keys.queue, first.maxPending, first.waiter, first.release, LOCK_MS];
    for (const call of calls) pushAccepted(args, call);
    const replies = (await runScript(client, 'accept', args)) as readonly string[];
    const more = replies.slice(calls.length);
    if (more.includes('refused')) notes.onPushRefused?.();
    if (more.includes('unread')) notes.onUnread?.();
    return calls.map((_, at) => toAcceptance(replies[at] ?? '!no reply'));
  },
  async take(by, { plain, offer, offered }) {
    const askedAt = performance.now();
    const args = [keys.queue, ...takerOf(by), plain, offered.length, ...offered, ...offer];
    const reply = (await runScript(client, 'take', args, true)) as [Buffer, RawCall[], Buffer[], Buffer[]];
    const [due, calls, filled, gone] = reply;
    const dueInMs = Number(due);
    return {
      dueInMs: dueInMs < 0 ? undefined : dueInMs,
      calls: calls.map((call) => toTaken(call, askedAt)),
      filled: filled.map(String),
      gone: gone.map(String),
    };
  },
  async settle(by, verdicts, refill) {
    const askedAt = performance.now();
    const args: ScriptArgument[] = [keys.queue, ...takerOf(by), INLINE_REPLY_BYTES, KEEP_COMPLETED];
    for (const [at, verdict] of verdicts.entries()) pushVerdict(args, verdict, refill[at] ?? false);
    const replies = (await runScript(client, 'settle', args, true)) as [number | Buffer, RawCall | null][];
    if (replies.length > verdicts.length) notes.onPushRefused?.();
    return replies.slice(0, verdicts.length).map(
      ([status, call]): Settled => ({
        status: status === 1 ? 'done' : status === 0 ? 'superseded' : new Error(String(status).slice(1)),
        next: call === null ? undefined : toTaken(call, askedAt),
      }),
    );
  },
  async withdraw({ runnerId }, numbers) {
    return (await runScript(client, 'withdraw', [keys.queue, runnerId, ...numbers])) as string[];
  },
});

const toAcceptance = (reply: string): Acceptance | Error =>
  reply.startsWith('!') ? new Error(reply.slice(1)) : (reply as Acceptance);

const takerOf = ({ runnerId, release }: Taker): readonly ScriptArgument[] => [
  runnerId,
  release,
  LOCK_MS,
  MOST_ENVELOPE_BYTES,
];

const pushAccepted = (args: ScriptArgument[], call: AcceptedCall): void => {
  args.push(
    call.id,
    call.name,
    call.data,
    call.fingerprint,
    call.delayMs,
    call.priority,
    call.queueTimeoutMs,
    call.deadlineInMs,
    call.deadlineAt,
    call.resultTtlMs,
    call.failedTtlMs,
    call.failOnLoss ? '1' : '0',
    call.link,
    call.awaitedBy,
    call.largeArgs ?? '',
    call.limits,
  );
};

const pushVerdict = (args: ScriptArgument[], verdict: Verdict, refill: Refill): void => {
  const { kind, outcome, delayMs, count, unbegun, ended, park } = verdict;
  const isRare = kind === 'again' || kind === 'retry' || kind === 'park';
  args.push(
    verdict.callId,
    verdict.attempt,
    verdict.generation,
    kind === 'settle' ? (outcome?.head.ok ? 'ok' : 'error') : kind,
    outcome === undefined ? '' : JSON.stringify(outcome.head),
    outcome?.body ?? '',
    verdict.reason,
    isRare ? JSON.stringify({ delay: delayMs, count, unbegun, ended, ...park }) : (verdict.tail ?? ''),
    refill === true ? '1' : refill || '',
  );
};

/** What is known of it as a JSON list, and its data. */
type RawCall = readonly [Buffer, Buffer];

const F = FIELDS.taken;

const toTaken = ([known, data]: RawCall, askedAt: number): TakenCall => {
  const raw = JSON.parse(known.toString()) as readonly unknown[];
  // A damaged field counts as 0.
  const number = (field: number): number => Number(raw[field]) || 0;
  const callId = String(raw[F.id]);
  const attempt = number(F.ats);
  const taken = { callId, attempt, data: data.toString(), attemptsMade: number(F.attemptsMade) };
  if (String(raw[F.generation]) === '') return { ...taken, pickUp: undefined };
  return {
    ...taken,
    pickUp: {
      generation: number(F.generation),
      ats: attempt,
      attemptsBefore: number(F.attemptsBefore),
      handedBack: number(F.handedBack),
      runnerLosses: number(F.runnerLosses),
      executorKills: number(F.executorKills),
      lateFaults: number(F.lateFaults),
      settled: number(F.settled) === 1,
      cancelReason: number(F.isCancelled) === 1 ? String(raw[F.cancelReason]) : undefined,
      failOnLoss: number(F.failOnLoss) === 1,
      deadlineAt: number(F.deadlineAt),
      waitedMs: number(F.waitedMs),
      queueTimeoutMs: number(F.queueTimeoutMs),
      oversizeBytes: number(F.oversizeBytes),
      streamFrom: number(F.streamFrom),
      at: number(F.at),
      askedAt,
    },
  };
};
