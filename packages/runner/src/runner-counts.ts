/** What a runner counts of its calls and its time, and when it tells Redis. */
import { createTally, type PoolKeys, type RedisClient } from '@flamejs/protocol';
import { type CallMeter, createCallMeter } from './call-meter.ts';
import { createMachineTime, type MachineTime, type TimeTotals } from './machine-time.ts';

export interface RunnerCounts {
  /** It is ready: its time is counted from now on, until then its machine boots. */
  begin(): CallMeter;
  readonly begun: boolean;
  drains(draining: boolean): void;
  /** With each heartbeat; closely following ones must not each cost a second command. */
  send(): void;
  /** All that is left, at the end. */
  flush(): Promise<void>;
  /** Fields of its registration. */
  timeFields(): { readonly busyTotalMs: number; readonly idleTotalMs: number; readonly drainTotalMs: number };
}

export interface RunnerCountsOptions {
  readonly client: RedisClient;
  readonly keys: PoolKeys;
  readonly runnerId: string;
  /** An autoscaler writes down what its machine costs. */
  readonly managed: boolean;
  readonly onError: (error: Error) => void;
}

/** What was counted goes to Redis this often, with a heartbeat. */
const COUNT_EVERY_MS = 1_500;
/** The same of a runner that has had nothing to do since: its idle time alone is not worth a command with each heartbeat. */
const IDLE_EVERY_MS = 9_000;
/** So long the autoscaler may take to write down what a machine costs; then its time is counted without a price. */
const UNKNOWN_MACHINE_MS = 60_000;
const NO_TIME: TimeTotals = { busyMs: 0, idleMs: 0, drainMs: 0 };

export const createRunnerCounts = (options: RunnerCountsOptions): RunnerCounts => {
  const tally = createTally(options.client, options.keys, options.runnerId, options.onError);
  let time: MachineTime | undefined;
  let readyAt = performance.now();
  let sentAt = Number.NEGATIVE_INFINITY;
  let busyMs = 0;

  return {
    begin() {
      readyAt = performance.now();
      time = createMachineTime({ onShare: tally.share, onCall: tally.callShare });
      return createCallMeter({ tally, time, readySince: () => readyAt });
    },
    get begun() {
      return time !== undefined;
    },
    drains: (draining) => time?.drains(draining),
    send() {
      const now = performance.now();
      if (time === undefined) return;
      const busyNow = time.totals().busyMs;
      if (now - sentAt < (busyNow === busyMs ? IDLE_EVERY_MS : COUNT_EVERY_MS)) return;
      busyMs = busyNow;
      sentAt = now;
      void tally.flush(!options.managed || now - readyAt > UNKNOWN_MACHINE_MS);
    },
    async flush() {
      await tally.flush(true);
    },
    timeFields() {
      const { busyMs, idleMs, drainMs } = time?.totals() ?? NO_TIME;
      return {
        busyTotalMs: Math.round(busyMs),
        idleTotalMs: Math.round(idleMs),
        drainTotalMs: Math.round(drainMs),
      };
    },
  };
};
