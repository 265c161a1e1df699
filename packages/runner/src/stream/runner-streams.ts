/** The streams of the calls that this runner holds: one for each attempt whose items are wanted. */
import type { PoolKeys, RedisClient, Vault } from '@flamejs/protocol';
import { afterItems, endsCall } from '@flamejs/protocol/attempt/after-items';
import type { Plan } from '@flamejs/protocol/attempt/after-run';
import type { CallFacts } from '@flamejs/protocol/attempt/call-facts';
import type { PoolConfig } from '@flamejs/queue';
import type { Logger } from 'pino';
import type { HeldCall } from '../held-call.ts';
import { createResultStream, type ResultStream } from './result-stream.ts';

/** Items that may be under way unread. */
const WINDOW_ITEMS = 1_000;
/** A stream without a further batch is kept at least so long. */
const LEAST_TTL_MS = 3_600_000;

export interface RunnerStreams {
  /** @returns `undefined` for a call that is awaited for one value */
  open(facts: CallFacts, call: HeldCall): ResultStream | undefined;
  /** Something of this call's was read. */
  look(callId: string): void;
}

export interface RunnerStreamsOptions {
  readonly client: RedisClient;
  readonly keys: PoolKeys;
  readonly vault: Vault;
  readonly pool: PoolConfig;
  readonly runnerId: string;
  readonly logger: Logger;
}

export const createRunnerStreams = ({ pool, runnerId, ...shared }: RunnerStreamsOptions): RunnerStreams => {
  const streams = new Map<string, ResultStream>();
  return {
    open({ callId, ats, envelope, pickUp }, call) {
      const { stream, resultTtlMs } = envelope.opts;
      if (stream === undefined) return undefined;
      const { readTimeoutMs, idleTimeoutMs } = pool;
      const made: ResultStream = createResultStream({
        ...shared,
        from: pickUp.streamFrom,
        writing: {
          ...stream,
          callId,
          generation: pickUp.generation,
          attempt: ats,
          runnerId,
          ttlMs: Math.max(resultTtlMs, LEAST_TTL_MS, 2 * readTimeoutMs),
          retention: pool.streamRetention,
        },
        limits: { window: { items: WINDOW_ITEMS, bytes: pool.streamWindow }, readTimeoutMs, idleTimeoutMs },
        resultTtlMs,
        onClose: () => {
          if (streams.get(callId) === made) streams.delete(callId);
        },
        onStop: (error) => call.stop(error === undefined ? { kind: 'superseded' } : { kind: 'stream', error }),
      });
      streams.set(callId, made);
      return made;
    },
    look: (callId) => streams.get(callId)?.look(),
  };
};

/**
 * Ends the stream of an attempt, and decides whether there may be another one: a call whose items were read is only run again when its function
 * can go on where it stopped.
 * @param final what follows when there is to be no further attempt
 * @returns the plan that holds, with the end of the stream when it ends the call
 */
export const concludeStream = async (
  stream: ResultStream,
  callId: string,
  plan: Plan,
  final: () => Plan,
): Promise<Plan> => {
  if (plan.kind === 'drop') return plan;
  if (endsCall(plan)) return { ...plan, tail: await stream.end() };
  const from = await stream.rewind();
  return from >= 0 ? plan : { ...afterItems(final(), callId, -1 - from), tail: await stream.end() };
};
