/**
 * Settings of a pool that can be changed while it runs, and what they would have done: the types that the autoscaler, which judges
 * them, and the dashboard, which shows them, share.
 */
import type { PoolConfig } from './config/types.ts';
import type { Policy } from './scaling.ts';

/** What scaling goes by: the config's settings, with the live ones over them. */
export interface PoolSettings {
  readonly min: number;
  readonly max: number;
  readonly buffer: number;
  readonly policy: Policy;
  readonly idleShutdownAfterMs: number;
  readonly scaleDownWindowMs: number;
  /** Directions that an operator holds. */
  readonly allowOut: boolean;
  readonly allowIn: boolean;
  /** An operator's number of runners, with the Redis ms at which it ends. */
  readonly override: { readonly desired: number; readonly until: number } | null;
}

/** The hash `settings` as it was read: `by` and `at` say who wrote it last, and when (Redis ms). */
export type ReadSettings =
  | { readonly ok: true; readonly effective: PoolSettings; readonly by: string; readonly at: number }
  | { readonly ok: false; readonly problems: readonly string[]; readonly by: string; readonly at: number };

/** A policy by its name; its options are those of the function of that name. */
export interface NamedPolicy {
  readonly name: string;
  readonly options?: unknown;
}

/** `null` takes a setting back to the config's; what is absent stays as it is. */
export interface SettingsChange {
  readonly min?: number | null;
  readonly max?: number | null;
  readonly buffer?: number | null;
  readonly idleShutdownAfterMs?: number | null;
  readonly scaleDownWindowMs?: number | null;
  /** Several of them are combined. */
  readonly policy?: NamedPolicy | readonly NamedPolicy[] | null;
  /** Holds scaling in a direction, not the queue. */
  readonly paused?: 'in' | 'out' | 'all' | null;
  /** So many runners, whatever the policy wants, for so long. */
  readonly override?: { readonly desired: number; readonly forMs: number } | null;
}

export interface ChangedSettings {
  /** Fields of the hash. */
  readonly set: Readonly<Record<string, string>>;
  readonly drop: readonly string[];
  /** What will be in force. */
  readonly effective: PoolSettings;
}

/** One line of a pool's history, as the autoscaler records it each tick. */
export interface HistorySample {
  /** Redis ms. */
  readonly at: number;
  readonly waiting: number;
  readonly dueSoon: number;
  readonly active: number;
  readonly oldestWaitMs: number;
  readonly paused: boolean;
  readonly ready: number;
  /** Ready, booting and requested. */
  readonly useful: number;
  readonly serviceTimeMs: number | null;
  readonly bootTimeMs: number | null;
}

export interface TracedCall {
  /** Epoch ms at which it may begin. */
  readonly at: number;
  /** How long it runs. */
  readonly durationMs: number;
}

/** What a simulation serves. */
export interface Trace {
  /** Epoch ms. */
  readonly startAt: number;
  readonly endAt: number;
  /** By the time at which they come. */
  readonly calls: readonly TracedCall[];
  /** When the queue was held. */
  readonly pauses?: readonly { readonly from: number; readonly to: number }[];
  /** Runners that stand there at the beginning. Default: `min`. */
  readonly runnersAtStart?: number;
  /** From a launch to the runner's first word. */
  readonly bootMs?: number;
  /** How exact it is, in words. */
  readonly resolution: string;
}

export interface SimulationTotals {
  /** Runner-milliseconds, booting and draining included: what machines cost. */
  readonly runnerMs: number;
  /** Most machines at a time. */
  readonly most: number;
  readonly launches: number;
  /** How long at least one call waited for a slot. */
  readonly shortMs: number;
  /** From when calls could begin to when they began; of those that began. */
  readonly waitMs: { readonly p50: number; readonly p95: number; readonly p99: number; readonly longest: number };
  readonly served: number;
  /** Calls that had not ended when the simulation gave up: nobody would have served them. */
  readonly unserved: number;
  /** Most machines beyond those that the calls of the same moment would have filled. */
  readonly overshoot: number;
  /** Runner-milliseconds of slots that were ready and had no call. */
  readonly idleMs: number;
  /** In the currency of the price that was given, `null` without one. */
  readonly cost: number | null;
}

export interface SimulationPoint {
  readonly at: number;
  /** Machines, in whatever state. */
  readonly runners: number;
  readonly ready: number;
  readonly waiting: number;
  readonly active: number;
}

export interface Simulation {
  readonly points: readonly SimulationPoint[];
  readonly totals: SimulationTotals;
  /** Fewer runner-milliseconds than these cannot serve the calls: all of them packed into slots without a gap, with no boot. */
  readonly lowerBoundMs: number;
  /** How exact it is, and what was left out, in words. */
  readonly notes: readonly string[];
  /** The policy's reasons at the end, or why it held. */
  readonly reasons: readonly string[];
}

export interface SimulationOptions {
  /** Of one machine. Default: none, then `cost` is `null`. */
  readonly pricePerHour?: number;
  /** What a provider bills at least for a machine, ms. Default 0. */
  readonly minimumBilledMs?: number;
  /** Epoch ms of the points. Default: 400 of them at equal distances. */
  readonly pointsAt?: readonly number[];
}

/** What was, by the samples. */
export interface RecordedTotals {
  /** Runner-milliseconds, booting included. */
  readonly runnerMs: number;
  /** Most runners at a time. */
  readonly most: number;
  readonly launches: number;
  /** How long there were more calls than slots that were ready: when calls had to wait. */
  readonly shortMs: number;
}

/** What calls shall wait at most, for the cheapest settings that hold it. */
export interface WaitGoal {
  readonly percentile: 'p50' | 'p95' | 'p99';
  readonly underMs: number;
}

export interface Proposal {
  /** What to change; empty when the settings in force are the best that was found. */
  readonly change: SettingsChange;
  /** On the first part of the trace, by which it was chosen. */
  readonly chosenBy: SimulationTotals;
  /** On the rest of the trace, which the search has not seen. */
  readonly judgedBy: SimulationTotals;
  /** The settings in force, on that same rest. */
  readonly now: SimulationTotals;
  /** Whether the goal was held on the rest too. */
  readonly holds: boolean;
  /** How many settings were tried. */
  readonly tried: number;
  readonly notes: readonly string[];
}

export interface Replay {
  /** Runners at each sample: as they were, simulated with the settings in force, and with the changed ones. */
  readonly points: readonly {
    readonly at: number;
    readonly had: number;
    readonly now: number;
    readonly would: number;
  }[];
  readonly had: RecordedTotals;
  /** Simulated with the settings in force: how far this is from `had` tells how much `would` can be trusted. */
  readonly now: SimulationTotals;
  readonly would: SimulationTotals;
  readonly lowerBoundMs: number;
  readonly notes: readonly string[];
  /** The policy's reasons at the end, or why it held. */
  readonly reasons: readonly string[];
}

/** Judges and tries live settings. Changes nothing. The only one is `tuner` of `flamejs/tuning`. */
export interface Tuner {
  /** What the config alone says. */
  configured(pool: PoolConfig): PoolSettings;
  /** @param raw the hash `settings` */
  read(pool: PoolConfig, raw: Readonly<Record<string, string>>): ReadSettings;
  /**
   * @param raw what the hash holds now
   * @param change of unknown origin; a `SettingsChange` when it is right
   * @param now Redis ms, from which an override's time is counted
   * @throws FlameConfigError that names each setting which is unknown or wrong, also one that stood there before
   */
  change(
    pool: PoolConfig,
    raw: Readonly<Record<string, string>>,
    change: Readonly<Record<string, unknown>>,
    now: number,
  ): ChangedSettings;
  /** The real controller on a virtual clock, with runners that serve the calls of the trace. */
  simulate(pool: PoolConfig, settings: PoolSettings, trace: Trace, options?: SimulationOptions): Promise<Simulation>;
  /** The cheapest settings found by which calls wait no longer than the goal says. @throws RangeError for a trace of fewer than 20 calls */
  search(
    pool: PoolConfig,
    settings: PoolSettings,
    trace: Trace,
    goal: WaitGoal,
    options?: SimulationOptions,
  ): Promise<Proposal>;
  readonly traces: {
    /** Calls drawn from samples, with a fixed seed. @param samples oldest first */
    ofSamples(samples: readonly HistorySample[]): Trace;
    /** @param text lines `{"at": <epoch ms>, "durationMs": <ms>}` @throws FlameConfigError that names the first line which is none */
    parse(text: string): Trace;
    /** @throws FlameConfigError for a name that is none of `examples` */
    example(name: string): Trace;
    readonly examples: readonly string[];
  };
  /** What was, by the samples alone. @param samples oldest first */
  recorded(pool: PoolConfig, samples: readonly HistorySample[]): RecordedTotals;
  /** The recorded past, simulated twice. @param samples oldest first */
  replay(
    pool: PoolConfig,
    settings: { readonly now: PoolSettings; readonly would: PoolSettings },
    samples: readonly HistorySample[],
    options?: SimulationOptions,
  ): Promise<Replay>;
}
