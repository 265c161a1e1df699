/** Counts what a simulation costs and how long its calls wait. */
import type { SimulationPoint, SimulationTotals } from '@flamejs/queue';

export interface Meter {
  launched(): void;
  /** A machine stood there before the beginning. */
  stood(): void;
  ready(change: number): void;
  ended(livedMs: number): void;
  queue(waiting: number, active: number): void;
  began(waitedMs: number): void;
  point(at: number): void;
  points(): readonly SimulationPoint[];
  totals(unserved: number): SimulationTotals;
}

const HOUR_MS = 3_600_000;

export interface MeterOptions {
  readonly slots: number;
  /** A machine costs at least this long. */
  readonly minimumBilledMs: number;
  readonly pricePerHour: number | null;
  now(): number;
}

export const createMeter = ({ slots, minimumBilledMs, pricePerHour, now }: MeterOptions): Meter => {
  let [machines, ready, waiting, active, most, launches, overshoot, unusedMs] = [0, 0, 0, 0, 0, 0, 0, 0];
  let [runnerMs, shortMs, idleSlotMs, changedAt] = [0, 0, 0, now()];
  const waits: number[] = [];
  const points: SimulationPoint[] = [];

  /** Adds up what has stood since the last change. Before each change. */
  const pass = (): void => {
    const forMs = now() - changedAt;
    changedAt = now();
    runnerMs += machines * forMs;
    idleSlotMs += Math.max(0, ready * slots - active) * forMs;
    if (waiting > 0) shortMs += forMs;
  };
  const grow = (): void => {
    pass();
    machines += 1;
    most = Math.max(most, machines);
    overshoot = Math.max(overshoot, machines - Math.max(1, Math.ceil((waiting + active) / slots)));
  };

  return {
    launched() {
      launches += 1;
      grow();
    },
    stood: grow,
    ready(change) {
      pass();
      ready += change;
    },
    ended(livedMs) {
      pass();
      machines -= 1;
      unusedMs += Math.max(0, minimumBilledMs - livedMs);
    },
    queue(nowWaiting, nowActive) {
      pass();
      [waiting, active] = [nowWaiting, nowActive];
    },
    began(waitedMs) {
      waits.push(Math.max(0, waitedMs));
    },
    point(at) {
      points.push({ at, runners: machines, ready, waiting, active });
    },
    points: () => points,
    totals(unserved) {
      pass();
      const sorted = Float64Array.from(waits).sort();
      const part = (share: number): number => Math.round(sorted[Math.ceil(sorted.length * share) - 1] ?? 0);
      return {
        runnerMs: Math.round(runnerMs),
        most,
        launches,
        shortMs: Math.round(shortMs),
        waitMs: { p50: part(0.5), p95: part(0.95), p99: part(0.99), longest: Math.round(sorted.at(-1) ?? 0) },
        served: waits.length,
        unserved,
        overshoot,
        idleMs: Math.round(idleSlotMs / slots),
        cost: pricePerHour === null ? null : ((runnerMs + unusedMs) / HOUR_MS) * pricePerHour,
      };
    },
  };
};
