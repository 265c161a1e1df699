/** What policies want to know about the past: how long calls and boots take. Pure. */
import type { RunnerRecord } from '@flamejs/protocol';

export interface Measures {
  readonly serviceTimeMs: number | null;
  /** The newest boots, in milliseconds; at most twenty. */
  readonly boots: readonly number[];
  readonly last: { readonly at: number; readonly served: Readonly<Record<string, number>> } | null;
}

export const NO_MEASURES: Measures = { serviceTimeMs: null, boots: [], last: null };

/** Weight of the newest interval. */
const ALPHA = 0.3;

/**
 * Little's law over one interval: slots busy times its length, divided by the calls that ended in it. Runners that came
 * or went in between are left out.
 */
export const measure = (measures: Measures, now: number, agents: readonly RunnerRecord[]): Measures => {
  const served = Object.fromEntries(agents.map((agent) => [agent.runnerId, agent.served]));
  const last = measures.last;
  if (last === null || now <= last.at) return { ...measures, last: { at: now, served } };
  let ended = 0;
  let busy = 0;
  for (const agent of agents) {
    const before = last.served[agent.runnerId];
    if (before === undefined || agent.served < before) continue;
    ended += agent.served - before;
    busy += agent.active;
  }
  // Until calls have ended the interval goes on, or long calls would never be measured.
  if (ended === 0) return busy === 0 ? { ...measures, last: { at: now, served } } : measures;
  const sample = (Math.max(busy, 1) * (now - last.at)) / ended;
  const serviceTimeMs =
    measures.serviceTimeMs === null ? sample : measures.serviceTimeMs * (1 - ALPHA) + sample * ALPHA;
  return { ...measures, serviceTimeMs, last: { at: now, served } };
};

export const noteBoot = (measures: Measures, bootMs: number): Measures => ({
  ...measures,
  boots: [...measures.boots, bootMs].slice(-20),
});

/** The 90th percentile of recent boots; `null` before the first. */
export const bootTimeMs = ({ boots }: Measures): number | null => {
  const sorted = [...boots].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.9))] ?? null;
};
