/** What a running function can ask about its own call. Found through AsyncLocalStorage, so it needs no argument. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { configError } from '@flamejs/protocol/errors/input-errors';
import { directContext } from './client/direct-context.ts';

/** What a running function may know of its call, and do beside returning: `flame.context()`. */
export interface CallContext {
  readonly callId: string;
  readonly functionName: string;
  readonly pool: string;
  /** This attempt, counted from 1 within the call's generation. */
  readonly attempt: number;
  /** Runners that this call has lost; above 0, parts of it may have been done before. */
  readonly runnerLosses: number;
  /**
   * Where to go on, of a function that yields and is `resumable`: the index of the first item that is wanted, 0 unless an earlier attempt was
   * lost after some of its items had been read.
   */
  readonly resumeFrom: number;
  /** When the attempt, or the whole call, is stopped: the earlier of `timeout` and `deadline`. `undefined` when nothing bounds it. */
  readonly deadline: Date | undefined;
  /** Aborts at the timeout, the deadline and on cancel. `killGrace` later the process is killed, so stop promptly. */
  readonly signal: AbortSignal;
  /**
   * Aborts when the runner begins to drain: it takes no further call, and what it is doing may go on, but not for long when the
   * runner is being replaced (`shutdownTimeout`). A function that runs for long can save its state then and end early. Never
   * aborts in inline mode.
   */
  readonly draining: AbortSignal;
  /** Whether it runs in the caller's process (inline mode). */
  readonly isInline: boolean;
  /** Publishes a value to `handle.progress()`. Throws FlameCodecError for one that cannot be shipped. */
  progress(value: unknown): void;
  /**
   * For functions that run until they are stopped (`flame.placeChild`): says that this one is up, and hands its placer a
   * value, such as an address. Throws FlameCodecError for one that cannot be shipped.
   */
  ready(value?: unknown): void;
  /** Adds a line to the call's log, which the dashboard shows. */
  log(...values: readonly unknown[]): void;
}

const STORAGE = Symbol.for('@flamejs/context');

/** Runs `fn` as the call's function: everything it awaits or starts sees `context`. */
export const runWithContext = <T>(context: CallContext, fn: () => T): T => storage().run(context, fn);

/** @returns the context of the call that runs this code, or `undefined` outside of one. */
export const maybeContext = (): CallContext | undefined => storage().getStore();

/** @returns the context of the call that runs this code. @throws FlameConfigError outside of one. */
export const currentContext = (): CallContext => {
  const context = maybeContext() ?? directContext();
  if (context !== undefined) return context;
  throw configError('flame.context()', [
    {
      path: '',
      message:
        'no call is running here. Use it inside a function that flame.call runs, not at the top of a module nor in code that was called directly (tests that import flamejs/testing have one there too)',
    },
  ]);
};

/** One for all copies of this package in the process. */
const storage = (): AsyncLocalStorage<CallContext> => {
  const holder = globalThis as { [STORAGE]?: AsyncLocalStorage<CallContext> };
  holder[STORAGE] ??= new AsyncLocalStorage<CallContext>();
  return holder[STORAGE];
};
