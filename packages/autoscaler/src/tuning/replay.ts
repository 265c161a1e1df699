/**
 * What a pool's recent past would have looked like under other settings: the policy is asked again at each sample of the
 * history, and its runners serve the calls that came then, each in the mean time that calls took. What is not recorded
 * (which call came when, and how long that one took) is not made up: it is a flow of calls, not each of them. Pure.
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
import { createFlow, type Queue } from './flow.ts';

interface Standing {
  readonly readyAt: number;
}

/** More runners than these are not replayed: an hour of samples would take longer than anybody waits. */
const MOST = 2_000;

/** @see Tuner.replay */
export const replay = (pool: PoolConfig, settings: PoolSettings, samples: readonly HistorySample[]): Replay => {
  const most = samples.reduce((largest, { useful }) => Math.max(largest, useful), MOST);
  const effective = { ...settings, max: Math.min(settings.max, most), min: Math.min(settings.min, most) };
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
  // Before the first boot has been measured, the later ones say how long it took.
  const firstBootMs = samples.find(({ bootTimeMs }) => bootTimeMs !== null)?.bootTimeMs ?? 0;
  const flow = createFlow(samples);
  let runners: readonly Standing[] = Array.from({ length: before }, () => ({ readyAt: 0 }));
  let memory: unknown;
  let window = EMPTY_WINDOW;
  let reasons: readonly string[] = [];
  const had = createTotals(before);
  const would = createTotals(before);
  const points = samples.map((sample, i) => {
    const forMs = (samples[i + 1]?.at ?? sample.at) - sample.at;
    const queue = flow.at(i, readyAt(runners, sample.at) * maxConcurrency);
    const decided = decide({
      policy: effective.policy,
      pool: policyPool,
      observation: observationOf(sample, queue, runners, maxConcurrency),
      memory,
      window,
      scaleDownWindowMs: effective.scaleDownWindowMs,
      idleShutdownAfterMs: effective.idleShutdownAfterMs,
      override: effective.override?.desired ?? null,
      useful: runners.length,
    });
    ({ memory, window, reasons } = decided);
    const bootMs = sample.bootTimeMs ?? firstBootMs;
    runners = resized(runners, { at: sample.at, active: queue.active, bootMs }, decided.target, {
      ...effective,
      maxConcurrency,
    });
    const slots = readyAt(runners, sample.at) * maxConcurrency;
    had.note(sample.useful, forMs, !sample.paused && sample.active + sample.waiting > sample.ready * maxConcurrency);
    would.note(runners.length, forMs, !sample.paused && queue.active + queue.waiting > slots);
    flow.pass(i, slots, forMs);
    return { at: sample.at, had: sample.useful, would: runners.length };
  });
  const bounded = settings.max > most ? [`not more than ${most} runners are replayed`] : [];
  return { points, had: had.totals(), would: would.totals(), reasons: [...reasons, ...bounded] };
};

type Limits = Pick<PoolSettings, 'allowIn' | 'allowOut' | 'min'> & { readonly maxConcurrency: number };
interface Moment {
  readonly at: number;
  readonly active: number;
  readonly bootMs: number;
}

/** Grows at once; shrinks to what was not wanted for as long as an idle runner is kept, and never below what runs. */
const resized = (
  runners: readonly Standing[],
  { at, active, bootMs }: Moment,
  { wanted, longFloor }: { readonly wanted: number; readonly longFloor: number },
  { allowIn, allowOut, min, maxConcurrency }: Limits,
): readonly Standing[] => {
  const more = Math.min(wanted, MOST + runners.length) - runners.length;
  if (more > 0) {
    if (!allowOut) return runners;
    return [...runners, ...Array.from({ length: more }, () => ({ readyAt: at + bootMs }))];
  }
  const least = Math.max(wanted, longFloor, min, Math.ceil(active / maxConcurrency));
  return allowIn && least < runners.length ? runners.slice(0, least) : runners;
};

const readyAt = (runners: readonly Standing[], at: number): number =>
  runners.filter((runner) => runner.readyAt <= at).length;

const observationOf = (
  sample: HistorySample,
  { waiting, active, oldestWaitMs }: Queue,
  runners: readonly Standing[],
  maxConcurrency: number,
): PoolObservation => {
  let left = active;
  const views = runners.map(({ readyAt: ready }, i): RunnerView => {
    const isReady = ready <= sample.at;
    const own = isReady ? Math.min(left, maxConcurrency) : 0;
    left -= own;
    return {
      runnerId: `replayed-${i}`,
      state: isReady ? 'ready' : 'booting',
      active: own,
      slots: maxConcurrency,
      idleMs: isReady && own === 0 ? 0 : null,
      ageMs: Math.max(0, sample.at - ready),
    };
  });
  const { at, paused, dueSoon, serviceTimeMs, bootTimeMs } = sample;
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
    note(count: number, forMs: number, short: boolean): void {
      runnerMs += count * forMs;
      most = Math.max(most, count);
      if (count > last) launches += count - last;
      last = count;
      if (short) shortMs += forMs;
    },
    totals: (): ReplayTotals => ({ runnerMs, most, launches, shortMs }),
  };
};
