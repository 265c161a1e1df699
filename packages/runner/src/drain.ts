/**
 * The drain handshake. The flag comes first (a call that arrives after it is handed back first thing), then fetching
 * stops, running calls end, and only then the drain is acknowledged, once: from there on nothing starts here. An order of the
 * autoscaler may be taken back before that; a drain for reasons of our own may not. Where a platform keeps the runner there, an
 * ordered drain ends nothing: it stays parked until a reason of our own comes (SIGTERM), and may be taken back all the time.
 */
import { type LongTimeout, setLongTimeout } from '@flamejs/queue/internal';
import type { CallLoop } from './call-loop.ts';
import type { HeldCalls } from './held-call.ts';
import type { DrainOrder } from './registration.ts';

export interface DrainLimit {
  readonly withinMs: number;
  /** Which calls are stopped and handed back when the time is up. */
  readonly cut: 'all' | 'unbounded';
}

export interface Drain {
  /** Nothing may start. */
  readonly draining: boolean;
  /** It is acknowledged, or about to be: nothing runs. */
  readonly drained: boolean;
  /** Generation of the order that is acknowledged; 0 for none. */
  readonly acknowledged: number;
  readonly reason: string;
  /** What the newest heartbeat says. */
  onOrder(order: DrainOrder): void;
  /** For a reason of our own. A later, shorter limit counts. */
  begin(reason: string, limit?: DrainLimit): void;
  /** Stops what runs and hands it back, now. */
  cutNow(): void;
  /** Resolves with the reason once the drain is final. */
  readonly done: Promise<string>;
}

export interface DrainOptions {
  readonly loop: () => Pick<CallLoop, 'hold' | 'release' | 'whenStill'>;
  readonly calls: Pick<HeldCalls, 'all'>;
  /** Reports the standing. @returns whether Redis has taken it */
  readonly report: () => Promise<boolean>;
  /** Whether the connection to Redis is up. */
  readonly connected: () => boolean;
  readonly onChange: (state: 'draining' | 'drained' | 'back', reason: string) => void;
  /** An order does not end it, however well it is carried out. Default false. */
  readonly parks?: boolean | undefined;
}

/** How long moving the last calls back and the acknowledgement may take once everything was cut off … */
const LAST_STEPS_MS = 5_000;
/** … and while Redis is gone, when nothing of it can be told: the locks run out by themselves. */
const WITHOUT_REDIS_MS = 500;
const REPORT_AGAIN_MS = 500;

export const createDrain = ({ loop, calls, report, connected, onChange, parks = false }: DrainOptions): Drain => {
  let ordered: DrainOrder = { generation: 0, reason: '' };
  let own: string | undefined;
  let draining = false;
  let drained = false;
  let final = false;
  /** It has acknowledged an order, and waits for what comes next. */
  let parked = false;
  /** Raised by every start and taking back, so that an earlier wait knows that it is over. */
  let round = 0;
  /** What is stopped when, by kind: a limit on everything does not wait for an earlier one on some of it. */
  const limits = new Map<DrainLimit['cut'], { readonly at: number; readonly timer: LongTimeout }>();
  let resolveDone: (reason: string) => void;
  const done = new Promise<string>((resolve) => {
    resolveDone = resolve;
  });

  const reason = (): string => own ?? ordered.reason;

  const enter = (): void => {
    draining = true;
    round += 1;
    loop().hold('drain');
    onChange('draining', reason());
    void report();
    void finish(round);
  };

  const finish = async (mine: number): Promise<void> => {
    await loop().whenStill();
    if (mine !== round) return;
    drained = true;
    onChange('drained', reason());
    while (mine === round && !final) {
      // Taking an order back and acknowledging it may cross; the reply to this report tells which came first.
      if (await report()) break;
      await new Promise((resolve) => setTimeout(resolve, REPORT_AGAIN_MS));
    }
    if (mine !== round) return;
    if (parks && own === undefined) parked = true;
    else complete();
  };

  const complete = (): void => {
    if (final) return;
    final = true;
    clearLimits();
    resolveDone(reason());
  };

  const takeBack = (): void => {
    round += 1;
    draining = false;
    drained = false;
    parked = false;
    loop().release('drain');
    onChange('back', 'the autoscaler wants it again');
    void report();
  };

  const cut = (which: DrainLimit['cut']): void => {
    const stopped = calls.all().filter((call) => which === 'all' || !call.bounded);
    for (const call of stopped) call.stop({ kind: 'shutdown', reason: `its runner ends (${reason()})` });
    if (which === 'all') arm('all', connected() ? LAST_STEPS_MS : WITHOUT_REDIS_MS, complete);
  };

  const arm = (which: DrainLimit['cut'], withinMs: number, then: () => void): void => {
    limits.get(which)?.timer.clear();
    limits.set(which, { at: performance.now() + withinMs, timer: setLongTimeout(then, withinMs) });
  };

  const clearLimits = (): void => {
    for (const { timer } of limits.values()) timer.clear();
    limits.clear();
  };

  return {
    get draining() {
      return draining;
    },
    get drained() {
      return drained;
    },
    get acknowledged() {
      return drained ? ordered.generation : 0;
    },
    get reason() {
      return draining ? reason() : '';
    },
    onOrder(order) {
      if (final || order.generation === ordered.generation) return;
      ordered = order;
      if (order.generation > 0) {
        if (!draining) enter();
        // It has been drained under an earlier number: this one is acknowledged at once.
        else if (drained) void report();
      } else if (draining && own === undefined) takeBack();
    },
    begin(why, within) {
      if (final) return;
      own ??= why;
      if (!draining) enter();
      else if (parked) complete();
      if (final) return;
      if (within === undefined) return;
      const known = limits.get(within.cut);
      if (known === undefined || performance.now() + within.withinMs < known.at)
        arm(within.cut, within.withinMs, () => cut(within.cut));
    },
    cutNow() {
      clearLimits();
      cut('all');
    },
    done,
  };
};
