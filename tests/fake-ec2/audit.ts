/** (k) What really happened: every request with its outcome, and what the machines cost. Tests trust this, not replies. */
import type { Clock } from './clock.ts';
import type { Machine } from './machine.ts';
import type { Knobs } from './options.ts';
import type { Params } from './query.ts';

export interface AuditEntry {
  readonly at: number;
  readonly action: string;
  readonly params: Params;
  /** `'ok'`, or the error's code. */
  readonly outcome: string;
  /** What the client got to see of it: `lost` when the connection was cut. */
  readonly seen: 'answered' | 'lost';
  /** Of RunInstances: made by this request; empty for a replayed token. */
  readonly launched: readonly string[];
}

export interface Audit {
  readonly entries: readonly AuditEntry[];
  add(entry: Omit<AuditEntry, 'at'>): void;
  /** How many requests of each action were made; `Action!Code` for refused ones. */
  counts(): Readonly<Record<string, number>>;
  /** Values of a tag that more than one instance carries: machines launched twice. */
  duplicates(tag: string): readonly string[];
  /** Most machines that were not yet terminated at one instant. */
  peak(): number;
  /** Billed seconds: per second, at least 60 for each start, from running to the end. */
  billedSeconds(): number;
  /** US dollars for those. */
  cost(): number;
}

export const createAudit = (machines: ReadonlyMap<string, Machine>, knobs: Knobs): Audit => {
  const entries: AuditEntry[] = [];
  const clock: Clock = knobs.clock;
  const billed = (machine: Machine): number => {
    const start = machine.history.find(({ state }) => state === 'running');
    if (start === undefined) return 0;
    const end = machine.history.find(({ state }) => state === 'shutting-down' || state === 'stopping');
    return Math.max(60, ((end?.at ?? clock.now()) - start.at) / 1000);
  };
  return {
    entries,
    add: (entry) => {
      entries.push({ ...entry, at: clock.now() });
    },
    counts: () => {
      const counts: Record<string, number> = {};
      for (const { action, outcome } of entries) {
        const key = outcome === 'ok' ? action : `${action}!${outcome}`;
        counts[key] = (counts[key] ?? 0) + 1;
      }
      return counts;
    },
    duplicates: (tag) => {
      const seen = new Map<string, number>();
      for (const machine of machines.values()) {
        const value = machine.tags.get(tag);
        if (value !== undefined) seen.set(value, (seen.get(value) ?? 0) + 1);
      }
      return [...seen].filter(([, count]) => count > 1).map(([value]) => value);
    },
    peak: () => {
      const steps: { at: number; change: number }[] = [];
      for (const machine of machines.values()) {
        steps.push({ at: machine.launchedAt, change: 1 });
        const end = machine.history.find(({ state }) => state === 'terminated');
        if (end !== undefined) steps.push({ at: end.at, change: -1 });
      }
      let current = 0;
      let peak = 0;
      // At one instant the launch counts before the end: the strict reading.
      for (const { change } of steps.sort((a, b) => a.at - b.at || b.change - a.change)) {
        current += change;
        peak = Math.max(peak, current);
      }
      return peak;
    },
    billedSeconds: () => [...machines.values()].reduce((sum, machine) => sum + billed(machine), 0),
    cost: () =>
      [...machines.values()].reduce((sum, machine) => {
        const hourly = (knobs.catalog.types[machine.type]?.priceHour ?? 0) * (machine.market === 'spot' ? 0.35 : 1);
        return sum + (billed(machine) / 3600) * hourly;
      }, 0),
  };
};
