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

export interface ReplayTotals {
  /** Runner-milliseconds, booting included: what machines cost. */
  readonly runnerMs: number;
  /** Most runners at a time. */
  readonly most: number;
  readonly launches: number;
  /** How long there were more calls than slots that were ready: when calls had to wait. */
  readonly shortMs: number;
}

export interface Replay {
  readonly points: readonly { readonly at: number; readonly had: number; readonly would: number }[];
  readonly had: ReplayTotals;
  readonly would: ReplayTotals;
  /** The policy's reasons at the end, or why it held. */
  readonly reasons: readonly string[];
}

/** Judges and tries live settings. Pure. The only one is `tuner` of `flamejs/tuning`. */
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
  /** @param samples oldest first */
  replay(pool: PoolConfig, settings: PoolSettings, samples: readonly HistorySample[]): Replay;
}
