/**
 * Calls of this process as they were accepted, so that they can be made again should Redis lose its data: those that are
 * awaited, and for a while those that were cast, whose handles may be awaited yet. Bounded by bytes, not by number.
 */
import type { AcceptedCall } from '@flamejs/protocol/store/call-store';

export interface HeldCall {
  readonly call: AcceptedCall;
  /** Monotonic ms. */
  readonly acceptedAt: number;
}

export interface HeldCalls {
  get(callId: string): HeldCall | undefined;
  /** Of a call that is awaited; held until it is dropped, or `prune` finds that it no longer is. */
  hold(callId: string, call: AcceptedCall): void;
  /** Of a cast. The oldest go when there are too many, and after a minute. */
  keep(callId: string, call: AcceptedCall): void;
  /** Somebody awaits a cast now. */
  join(callId: string): void;
  /** Nobody awaits it any more. */
  drop(callId: string): void;
  prune(awaited: (callId: string) => boolean): void;
  clear(): void;
}

const CALL_BYTES = 64 * 1024;
const AWAITED_BYTES = 64 * 1024 * 1024;
const CAST_BYTES = 8 * 1024 * 1024;
const CAST_MS = 60_000;

export const createHeldCalls = (): HeldCalls => {
  const awaited = createShelf();
  const casts = createShelf();

  const dropOldCasts = (): void => {
    for (const [callId, { acceptedAt }] of casts.entries()) {
      if (casts.bytes <= CAST_BYTES && performance.now() - acceptedAt < CAST_MS) return;
      casts.take(callId);
    }
  };

  return {
    get: (callId) => awaited.get(callId) ?? casts.get(callId),
    hold(callId, call) {
      const held = { call, acceptedAt: performance.now() };
      if (bytesOf(held) <= CALL_BYTES && awaited.bytes + bytesOf(held) <= AWAITED_BYTES) awaited.put(callId, held);
    },
    keep(callId, call) {
      const held = { call, acceptedAt: performance.now() };
      if (bytesOf(held) <= CALL_BYTES) casts.put(callId, held);
      dropOldCasts();
    },
    join(callId) {
      const held = casts.take(callId);
      if (held !== undefined && awaited.bytes + bytesOf(held) <= AWAITED_BYTES) awaited.put(callId, held);
    },
    drop(callId) {
      awaited.take(callId);
    },
    prune(isAwaited) {
      for (const [callId] of awaited.entries()) if (!isAwaited(callId)) awaited.take(callId);
      dropOldCasts();
    },
    clear() {
      for (const shelf of [awaited, casts]) for (const [callId] of shelf.entries()) shelf.take(callId);
    },
  };
};

const bytesOf = ({ call }: HeldCall): number => call.data.length + (call.largeArgs?.length ?? 0);

/** A map that knows how many bytes are in it; in order of arrival. */
const createShelf = () => {
  const calls = new Map<string, HeldCall>();
  let bytes = 0;
  const take = (callId: string): HeldCall | undefined => {
    const held = calls.get(callId);
    if (calls.delete(callId) && held !== undefined) bytes -= bytesOf(held);
    return held;
  };
  return {
    get bytes() {
      return bytes;
    },
    get: (callId: string) => calls.get(callId),
    entries: () => calls.entries(),
    take,
    put(callId: string, held: HeldCall): void {
      take(callId);
      calls.set(callId, held);
      bytes += bytesOf(held);
    },
  };
};
