/**
 * What a pool's recent past would have looked like under other settings: the policy is asked again at each sample of the
 * history. The calls are those that came and waited then; a larger pool would have had fewer waiting. Pure.
 */
import type {
  HistorySample,
  PolicyPool,
  PoolConfig,
  PoolObservation,
  PoolSettings,
  Replay,
  ReplayTotals,
  RunnerView,
} from '@flamejs/queue';
import { decide } from '../plan/target.ts';
import { EMPTY_WINDOW } from '../plan/window.ts';

interface Standing {
  readonly readyAt: number;
}

/** @see Tuner.replay */
export const replay = (pool: PoolConfig, effective: PoolSettings, samples: readonly HistorySample[]): Replay => {
  const maxConcurrency = pool.singleUse ? 1 : pool.maxConcurrency;
  const policyPool: PolicyPool = {
    name: pool.name,
    min: effective.min,
    max: effective.max,
    maxConcurrency,
    buffer: effective.buffer,
    bootTimeoutMs: pool.bootTimeoutMs,
  };
  const before = samples[0]?.useful ?? 0;
  let runners: readonly Standing[] = Array.from({ length: before }, () => ({ readyAt: 0 }));
  let memory: unknown;
  let window = EMPTY_WINDOW;
  let reasons: readonly string[] = [];
  const had = createTotals(before);
  const would = createTotals(before);
  const points = samples.map((sample, i) => {
    const forMs = (samples[i + 1]?.at ?? sample.at) - sample.at;
    const decided = decide({
      policy: effective.policy,
      pool: policyPool,
      observation: observationOf(sample, runners, maxConcurrency),
      memory,
      window,
      scaleDownWindowMs: effective.scaleDownWindowMs,
      idleShutdownAfterMs: effective.idleShutdownAfterMs,
      override: effective.override?.desired ?? null,
      useful: runners.length,
    });
    ({ memory, window, reasons } = decided);
    runners = resized(runners, sample, decided.target, { ...effective, maxConcurrency });
    had.note(sample.useful, sample.ready * maxConcurrency, sample, forMs);
    would.note(runners.length, readyAt(runners, sample.at) * maxConcurrency, sample, forMs);
    return { at: sample.at, had: sample.useful, would: runners.length };
  });
  return { points, had: had.totals(), would: would.totals(), reasons };
};

type Limits = Pick<PoolSettings, 'allowIn' | 'allowOut' | 'min'> & { readonly maxConcurrency: number };

/** Grows at once; shrinks to what was not wanted for as long as an idle runner is kept, and never below what runs. */
const resized = (
  runners: readonly Standing[],
  { at, active, bootTimeMs }: HistorySample,
  { wanted, longFloor }: { readonly wanted: number; readonly longFloor: number },
  { allowIn, allowOut, min, maxConcurrency }: Limits,
): readonly Standing[] => {
  const more = wanted - runners.length;
  if (more > 0) {
    if (!allowOut) return runners;
    return [...runners, ...Array.from({ length: more }, () => ({ readyAt: at + (bootTimeMs ?? 0) }))];
  }
  const least = Math.max(wanted, longFloor, min, Math.ceil(active / maxConcurrency));
  return allowIn && least < runners.length ? runners.slice(0, least) : runners;
};

const readyAt = (runners: readonly Standing[], at: number): number =>
  runners.filter((runner) => runner.readyAt <= at).length;

const observationOf = (
  sample: HistorySample,
  runners: readonly Standing[],
  maxConcurrency: number,
): PoolObservation => {
  let left = sample.active;
  const views = runners.map(({ readyAt: ready }, i): RunnerView => {
    const isReady = ready <= sample.at;
    const active = isReady ? Math.min(left, maxConcurrency) : 0;
    left -= active;
    return {
      runnerId: `replayed-${i}`,
      state: isReady ? 'ready' : 'booting',
      active,
      slots: maxConcurrency,
      idleMs: isReady && active === 0 ? 0 : null,
      ageMs: Math.max(0, sample.at - ready),
    };
  });
  const { at, paused, waiting, dueSoon, active, oldestWaitMs, serviceTimeMs, bootTimeMs } = sample;
  return {
    now: at,
    at,
    queue: {
      paused,
      waiting,
      prioritized: 0,
      dueSoon,
      active: active - left,
      orphanActive: left,
      oldestWaitMs: waiting > 0 ? oldestWaitMs : null,
    },
    runners: views,
    serviceTimeMs,
    bootTimeMs,
  };
};

/** @param before runners at the beginning, which nobody launched */
const createTotals = (before: number) => {
  let [runnerMs, most, launches, shortMs, last] = [0, 0, 0, 0, before];
  return {
    note(count: number, slots: number, { active, waiting, paused }: HistorySample, forMs: number): void {
      runnerMs += count * forMs;
      most = Math.max(most, count);
      if (count > last) launches += count - last;
      last = count;
      if (active + (paused ? 0 : waiting) > slots) shortMs += forMs;
    },
    totals: (): ReplayTotals => ({ runnerMs, most, launches, shortMs }),
  };
};
