/** The testing kit: importing it makes inline mode observable, in this process. */
import { setDirectContext } from '../../client/direct-context.ts';
import { setInlineHooks } from '../../client/inline-hooks.ts';
import type { CallContext } from '../../context.ts';
import { maybeContext, runWithContext } from '../../context.ts';
import { type CallSpies, createSpies } from './calls.ts';
import { type Clock, createClock } from './clock.ts';
import { createFaults, type Faults } from './faults.ts';

const spies = createSpies();
const time = createClock();
const switches = createFaults();

setInlineHooks({
  now: time.now,
  timer: time.timer,
  beforeAccept: switches.beforeAccept,
  accepted: spies.note,
  awaited: spies.noteAwaited,
  bootFailure: switches.bootFailure,
  whenBootable: switches.whenBootable,
  losesRunner: switches.losesRunner,
});

const { calls, unawaited, settled }: CallSpies = spies;

export { calls, settled, unawaited };
/** The time of calls in inline mode. */
export const clock: Clock = time;
/** What goes wrong in production, on purpose, in inline mode. */
export const faults: Faults = switches;

/** Forgets calls, takes faults back, and gives time back to the system: for `afterEach`. Calls that run go on. */
export const resetFlame = (): void => {
  spies.reset();
  switches.reset();
  time.reset();
};

/**
 * Runs code as if a call ran it, for functions that are called directly and ask `flame.context()`. Without it they get a
 * context, too: of a first attempt without bounds.
 *
 * @param context what it is to find there, beside the defaults. @returns what `fn` returns
 * @example await withContext({ attempt: 2 }, () => resize(photo, 640));
 */
export const withContext = <T>(context: Partial<CallContext>, fn: () => T): T =>
  runWithContext({ ...(maybeContext() ?? plain()), ...context }, fn);

const plain = (): CallContext => ({
  callId: 'direct',
  functionName: '',
  pool: '',
  attempt: 1,
  runnerLosses: 0,
  resumeFrom: 0,
  deadline: undefined,
  signal: new AbortController().signal,
  draining: new AbortController().signal,
  isInline: true,
  progress: () => undefined,
  ready: () => undefined,
  log: () => undefined,
});
setDirectContext(plain);

export type { SeenCall } from './calls.ts';
export type { CallSpies, Clock, Faults };
