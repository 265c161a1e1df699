/** Spies: what calls a test has led to, and what became of them. */
import { decode, packPayload, unpackPayload } from '@flamejs/protocol/codec';
import { endOf, type InlineCall } from '../../client/inline-calls.ts';
import { isFlameFunction } from '../../fn.ts';
import { type AnyFlameFunction, FLAME_FUNCTION } from '../../types.ts';

/** A call, as it was made. */
export interface SeenCall {
  readonly id: string;
  readonly functionName: string;
  readonly pool: string;
  /** `call` was awaited where it was made; `cast` returned a handle. */
  readonly kind: 'call' | 'cast';
  /** As they arrive: copies. */
  readonly args: readonly unknown[];
  readonly state: 'waiting' | 'running' | 'succeeded' | 'failed';
  /** Beginnings of its function, lost runners included. */
  readonly attempts: number;
  /** Whether anybody asked for its outcome: always, of a `call`; of a `cast`, whoever used `handle.result()`. */
  readonly awaited: boolean;
}

/** What calls a test has led to. */
export interface CallSpies {
  /** @returns all calls since the last reset, in order; those of one function when it, or its name, is given. */
  calls(of?: AnyFlameFunction | string): readonly SeenCall[];
  /** @returns casts whose outcome nobody asked for: in many tests, a forgotten `await`. */
  unawaited(): readonly SeenCall[];
  /** Resolves when no call runs or waits any more. What waits for time needs `clock.advance`. */
  settled(): Promise<void>;
}

export const createSpies = (): CallSpies & {
  note(call: InlineCall): void;
  noteAwaited(id: string): void;
  reset(): void;
} => {
  const seen: InlineCall[] = [];
  const awaited = new Set<string>();
  const show = (call: InlineCall): SeenCall => ({
    id: call.id,
    functionName: call.request.functionName,
    pool: call.request.pool.name,
    kind: call.request.kind,
    args: decode(unpackPayload(Buffer.from(packPayload(call.request.payload))), {
      limit: call.request.pool.payloadLimit,
    }) as readonly unknown[],
    state: stateOf(call),
    attempts: endOf(call)?.attempts ?? call.see().attempts,
    awaited: call.request.kind === 'call' || awaited.has(call.id),
  });
  const calls = (of?: AnyFlameFunction | string): readonly SeenCall[] => {
    const name = isFlameFunction(of) ? of[FLAME_FUNCTION].name : of;
    return seen.filter(({ request }) => name === undefined || request.functionName === name).map(show);
  };
  return {
    calls,
    unawaited: () => calls().filter((call) => !call.awaited),
    async settled() {
      // Those that they make meanwhile are waited for, too.
      for (let count = -1; count !== seen.length; ) {
        count = seen.length;
        await Promise.all(seen.map(whenSettled));
      }
    },
    note: (call) => void seen.push(call),
    noteAwaited: (id) => void awaited.add(id),
    reset() {
      seen.length = 0;
      awaited.clear();
    },
  };
};

const stateOf = (call: InlineCall): SeenCall['state'] => {
  const head = endOf(call);
  if (head !== undefined) return head.ok ? 'succeeded' : 'failed';
  return call.see().state === 'active' ? 'running' : 'waiting';
};

const whenSettled = (call: InlineCall): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      if (!isOver(call)) return;
      call.listeners.delete(end);
      resolve();
    };
    call.listeners.add(end);
    end();
  });

/** Ended, or given up with the flame object that ran it. */
const isOver = (call: InlineCall): boolean => endOf(call) !== undefined || call.isClosed;
