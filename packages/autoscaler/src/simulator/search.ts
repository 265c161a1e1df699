/**
 * The cheapest settings by which calls wait no longer than is wanted: one setting after the other is tried, by simulation, and
 * the best of each is kept until none helps any more. What it proposes is judged on calls that it has not seen.
 */
import type {
  PoolConfig,
  PoolSettings,
  Proposal,
  SettingsChange,
  SimulationOptions,
  SimulationTotals,
  Trace,
  WaitGoal,
} from '@flamejs/queue';
import { policyByName } from '../policies/named.ts';
import { simulate } from './simulate.ts';

/** Of the trace, by which settings are chosen; the rest judges them. */
const SEEN = 0.6;
const FEWEST_CALLS = 20;
/** After these rounds over all settings the rest is hair-splitting. */
const ROUNDS = 2;

/** @see Tuner.search */
export const search = async (
  pool: PoolConfig,
  settings: PoolSettings,
  trace: Trace,
  goal: WaitGoal,
  options: SimulationOptions = {},
): Promise<Proposal> => {
  if (trace.calls.length < FEWEST_CALLS)
    throw new RangeError(
      `a search needs a trace of at least ${FEWEST_CALLS} calls; this one has ${trace.calls.length}`,
    );
  const [seen, rest] = split(trace);
  const known = new Map<string, SimulationTotals>();
  const totalsOf = async (change: SettingsChange): Promise<SimulationTotals> => {
    const key = JSON.stringify(Object.entries(change).sort());
    const totals = known.get(key) ?? (await simulate(pool, changed(settings, change), seen, options)).totals;
    known.set(key, totals);
    return totals;
  };

  let best: SettingsChange = {};
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = best;
    for (const [name, values] of Object.entries(candidates(pool, settings, goal))) {
      for (const value of values) {
        const next: SettingsChange = { ...best, [name]: value };
        if (isBetter(await totalsOf(next), await totalsOf(best), goal)) best = next;
      }
    }
    if (best === before) break;
  }
  const judged = await simulate(pool, changed(settings, best), rest, options);
  const now = await simulate(pool, settings, rest, options);
  return {
    change: best,
    chosenBy: await totalsOf(best),
    judgedBy: judged.totals,
    now: now.totals,
    holds: meets(judged.totals, goal),
    tried: known.size,
    notes: [
      ...judged.notes,
      `chosen on the first ${seen.calls.length} calls, judged on the other ${rest.calls.length}`,
    ],
  };
};

const split = (trace: Trace): readonly [Trace, Trace] => {
  const at = trace.startAt + (trace.endAt - trace.startAt) * SEEN;
  const { runnersAtStart: _, ...later } = trace;
  return [
    { ...trace, endAt: at, calls: trace.calls.filter((call) => call.at < at) },
    { ...later, startAt: at, calls: trace.calls.filter((call) => call.at >= at) },
  ];
};

const changed = (settings: PoolSettings, { policy, ...numbers }: SettingsChange): PoolSettings =>
  ({ ...settings, ...numbers, ...(policy == null ? {} : { policy: policyByName(policy) }) }) as PoolSettings;

/** A few values of each setting, from thrifty to generous; what is in force is among those that are compared anyway. */
const candidates = (
  { maxConcurrency, singleUse }: PoolConfig,
  { max, min, idleShutdownAfterMs }: PoolSettings,
  { underMs }: WaitGoal,
) => {
  const slots = singleUse ? 1 : maxConcurrency;
  const floors = [0, 1, 2, 4, 8, 16, max].filter((floor) => floor !== min && floor <= max);
  return {
    policy: [
      { name: 'queueDepth' },
      { name: 'waitTime', options: { target: Math.max(1, underMs / 2) } },
      { name: 'waitTime', options: { target: Math.max(1, underMs) } },
    ],
    min: floors,
    buffer: [0, slots, 2 * slots],
    idleShutdownAfterMs: [0.25, 0.5, 2, 4].map((factor) => Math.max(1_000, Math.round(idleShutdownAfterMs * factor))),
  } satisfies { readonly [Name in keyof SettingsChange]: readonly unknown[] };
};

const meets = ({ waitMs, unserved }: SimulationTotals, { percentile, underMs }: WaitGoal): boolean =>
  unserved === 0 && waitMs[percentile] < underMs;

/** The goal first, then what it costs; while nothing meets the goal, whatever waits less. */
const isBetter = (a: SimulationTotals, b: SimulationTotals, goal: WaitGoal): boolean => {
  const [aMeets, bMeets] = [meets(a, goal), meets(b, goal)];
  if (aMeets !== bMeets) return aMeets;
  if (aMeets) return a.runnerMs < b.runnerMs;
  return (
    a.unserved < b.unserved || (a.unserved === b.unserved && a.waitMs[goal.percentile] < b.waitMs[goal.percentile])
  );
};
