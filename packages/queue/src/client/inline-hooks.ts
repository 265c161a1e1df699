/**
 * What the testing kit may change about inline mode: its time, and what happens to its calls. Without a kit, time is the
 * system's and nothing happens. One place for all copies of this package in the process.
 */
import { type LongTimeout, setLongTimeout } from '@flamejs/protocol/duration';
import type { InlineCall } from './inline-calls.ts';

export interface InlineHooks {
  /** Epoch ms. */
  now(): number;
  timer(fn: () => void, ms: number): LongTimeout;
  /** A call wants to be accepted. @throws FlameError in the place of accepting it */
  beforeAccept(pool: string): void;
  accepted(call: InlineCall): void;
  /** Somebody asks for the outcome of a call. */
  awaited(id: string): void;
  /** Why the pool has no runner; `undefined` when it has. */
  bootFailure(pool: string): string | undefined;
  /** Resolves when the pool may have runners again, or the signal aborts. */
  whenBootable(pool: string, signal: AbortSignal): Promise<void>;
  /** Whether the runner of the attempt that just ended is lost before it can say so. */
  losesRunner(call: InlineCall): boolean;
}

const PLACE = Symbol.for('@flamejs/inline-hooks');

interface Holder {
  [PLACE]?: InlineHooks;
}
const holder = globalThis as Holder;

const REAL: InlineHooks = {
  now: () => Date.now(),
  timer: setLongTimeout,
  beforeAccept: () => undefined,
  accepted: () => undefined,
  awaited: () => undefined,
  bootFailure: () => undefined,
  whenBootable: () => Promise.resolve(),
  losesRunner: () => false,
};

export const inlineHooks = (): InlineHooks => holder[PLACE] ?? REAL;

export const setInlineHooks = (hooks: InlineHooks): void => {
  holder[PLACE] = hooks;
};
