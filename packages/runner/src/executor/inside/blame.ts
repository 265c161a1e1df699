/**
 * Finds out whose fault an uncaught error is. A promise that a call has left behind may reject when the next call runs in
 * the same process; the call's context, which AsyncLocalStorage keeps, tells them apart. What has none is blamed on the running call.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { inspect } from 'node:util';
import { type CallContext, maybeContext } from '@flamejs/queue/internal';
import type { Port } from './port.ts';

interface Scope {
  readonly seq: number;
  readonly context: CallContext;
}

export interface Blame {
  /** Begins one call. Whatever runs in its context is its own, for as long as it lives. */
  run<T>(seq: number, context: CallContext, fn: () => T): T;
  /** Loads a module for the running call, outside of its context. */
  loading<T>(fn: () => T): T;
  /** The running call is over; what comes from it now is late. */
  end(): void;
  /** The call that this code belongs to, while it runs. */
  running(): number | undefined;
  /** Undoes what user code may have done to the handlers. Cheap: it runs after each call. */
  restore(): void;
}

type Listener = (reason: unknown) => void;
const FAULT_EVENTS = ['uncaughtException', 'unhandledRejection'] as const;
type FaultEvent = (typeof FAULT_EVENTS)[number];

/** @param onBootFault takes an error while no call has ever run: the modules are loading. */
export const installBlame = (port: Port, onBootFault: (text: string) => void): Blame => {
  // Of code that a call has loaded, which has no context. One more of these makes every promise dearer, once it is used: most never is.
  const loads = new AsyncLocalStorage<CallContext>();
  let current: Scope | undefined;
  let booted = false;
  let faulted = false;

  /** The context of the call whose code this is, `undefined` when nothing says so. */
  const contextHere = (): CallContext | undefined => maybeContext() ?? loads.getStore();

  /** The running call, when this may be code of it. */
  const blamed = (): Scope | undefined => {
    const context = contextHere();
    return context === undefined || context === current?.context ? current : undefined;
  };

  const fault = (text: string): void => {
    if (faulted) return;
    faulted = true;
    const scope = blamed();
    if (!booted) onBootFault(text);
    else if (scope !== undefined) {
      port.post({ t: 'fault', seq: scope.seq, text });
      process.exit(1);
    } else {
      // The runner ends this process; until then the next call, which will run again elsewhere, may as well go on.
      port.post({ t: 'late-fault', message: firstLine(text) });
    }
  };
  const handlers: Record<FaultEvent, Listener> = {
    uncaughtException: (error) => fault(`Uncaught ${inspect(error)}`),
    unhandledRejection: (reason) => fault(`Unhandled rejection: ${inspect(reason)}`),
  };
  for (const event of FAULT_EVENTS) process.on(event, handlers[event]);
  process.on('exit', (code) => {
    if (current === undefined || blamed() !== undefined || faulted) return;
    port.post({ t: 'late-fault', message: `an earlier call ended the process with exit code ${code}` });
  });

  let ownListeners: Record<string, readonly Listener[]> = {};
  return {
    run: (seq, context, fn) => {
      if (!booted) {
        booted = true;
        // What the modules have installed at load stays; what a call adds is taken away after it.
        ownListeners = Object.fromEntries(FAULT_EVENTS.map((event) => [event, listenersOf(event)]));
      }
      current = { seq, context };
      return fn();
    },
    loading: (fn) => (current === undefined ? fn() : loads.run(current.context, fn)),
    end: () => {
      current = undefined;
    },
    running: () => blamed()?.seq,
    restore: () => {
      for (const event of FAULT_EVENTS) {
        const own = ownListeners[event] ?? [];
        if (isSame(keptListeners(event), own) || isSame(listenersOf(event), own)) continue;
        process.removeAllListeners(event);
        for (const listener of own) process.on(event, listener);
      }
    },
  };
};

const listenersOf = (event: FaultEvent): readonly Listener[] =>
  process.listeners(event as 'unhandledRejection') as unknown as readonly Listener[];

/** As Node keeps them, if it still does: `process.listeners` makes a list each time, and unwraps those of `once`. */
const keptListeners = (event: FaultEvent): Listener | readonly Listener[] | undefined =>
  (process as unknown as { readonly _events?: Readonly<Record<string, Listener | readonly Listener[]>> })._events?.[
    event
  ];

const isSame = (found: Listener | readonly Listener[] | undefined, own: readonly Listener[]): boolean =>
  typeof found === 'object'
    ? found.length === own.length && found.every((listener, at) => listener === own[at])
    : own.length === 1 && found === own[0];

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';
