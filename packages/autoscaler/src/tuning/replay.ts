/**
 * What a pool's recent past would have been like under other settings. The calls that came then are served again, twice:
 * with the settings in force, which shows how well the simulation meets what was, and with the others.
 */
import type {
  HistorySample,
  PoolConfig,
  PoolSettings,
  RecordedTotals,
  Replay,
  SimulationOptions,
} from '@flamejs/queue';
import { simulate } from '../simulator/simulate.ts';
import { traceOfSamples } from '../simulator/trace.ts';

/** @see Tuner.replay */
export const replay = async (
  pool: PoolConfig,
  settings: { readonly now: PoolSettings; readonly would: PoolSettings },
  samples: readonly HistorySample[],
  options: SimulationOptions = {},
): Promise<Replay> => {
  const trace = traceOfSamples(samples);
  const all = { ...options, pointsAt: samples.map(({ at }) => at) };
  const now = await simulate(pool, settings.now, trace, all);
  const would = await simulate(pool, settings.would, trace, all);
  const points = samples.map(({ at, useful }, i) => ({
    at,
    had: useful,
    now: now.points[i]?.runners ?? 0,
    would: would.points[i]?.runners ?? 0,
  }));
  return {
    points,
    had: recorded(pool, samples),
    now: now.totals,
    would: would.totals,
    lowerBoundMs: would.lowerBoundMs,
    notes: would.notes,
    reasons: would.reasons,
  };
};

/** @see Tuner.recorded */
export const recorded = (pool: PoolConfig, samples: readonly HistorySample[]): RecordedTotals => {
  const slots = pool.singleUse ? 1 : pool.maxConcurrency;
  let [runnerMs, most, launches, shortMs] = [0, 0, 0, 0];
  for (const [i, { at, useful, ready, active, waiting, paused }] of samples.entries()) {
    const forMs = (samples[i + 1]?.at ?? at) - at;
    runnerMs += useful * forMs;
    most = Math.max(most, useful);
    launches += Math.max(0, useful - (samples[i - 1]?.useful ?? useful));
    if (!paused && active + waiting > ready * slots) shortMs += forMs;
  }
  return { runnerMs, most, launches, shortMs };
};
