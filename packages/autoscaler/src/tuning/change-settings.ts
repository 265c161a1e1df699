/** From what an operator asks for to the fields of the hash `settings`: checked as a whole before anything is stored. Pure. */
import type { PoolConfig } from '@flamejs/queue';
import { FlameConfigError } from '@flamejs/queue';
import type { NamedPolicy } from '../policies/named.ts';
import { type EffectivePool, readSettings } from './settings.ts';

/** `null` takes a setting back to the config's; what is absent stays as it is. */
export interface SettingsChange {
  readonly min?: number | null;
  readonly max?: number | null;
  readonly buffer?: number | null;
  readonly idleShutdownAfterMs?: number | null;
  readonly scaleDownWindowMs?: number | null;
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
  readonly effective: EffectivePool;
}

const WHOLE = ['min', 'max', 'buffer', 'idleShutdownAfterMs', 'scaleDownWindowMs'] as const;
export const TUNABLE: readonly (keyof SettingsChange)[] = [...WHOLE, 'policy', 'paused', 'override'];

/**
 * @param raw what the hash holds now
 * @param change of unknown origin; a `SettingsChange` when it is right
 * @param now Redis ms, from which an override's time is counted
 * @throws FlameConfigError that names each setting which is unknown or wrong, also one that stood there before
 */
export const changeSettings = (
  pool: PoolConfig,
  raw: Readonly<Record<string, string>>,
  change: Readonly<Record<string, unknown>>,
  now: number,
): ChangedSettings => {
  const problems: string[] = [];
  const set: Record<string, string> = {};
  const drop: string[] = [];
  for (const [name, value] of Object.entries(change)) {
    if (!TUNABLE.includes(name as keyof SettingsChange)) {
      problems.push(`${name}: unknown setting; known: ${TUNABLE.join(', ')}`);
    } else if (value === null) drop.push(name);
    else if (value !== undefined) set[name] = name === 'override' ? overrideText(value, now) : textOf(value);
  }
  const kept = Object.entries(raw).filter(([name]) => !drop.includes(name));
  const settings = readSettings(pool, { ...Object.fromEntries(kept), ...set });
  if (!settings.ok) problems.push(...settings.problems);
  if (problems.length === 0 && settings.ok) return { set, drop, effective: settings.effective };
  throw new FlameConfigError(`settings of pool "${pool.name}": ${problems.join('; ')}`, {
    problems: problems.map((message) => ({ path: message.slice(0, message.indexOf(':')), message })),
  });
};

/** Numbers and words as they are, everything else as JSON; the reader of settings judges it. */
const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

const overrideText = (value: unknown, now: number): string => {
  const { desired, forMs } = (typeof value === 'object' ? value : {}) as { desired?: unknown; forMs?: unknown };
  const until = typeof forMs === 'number' && forMs > 0 ? Math.round(now + forMs) : undefined;
  return JSON.stringify({ desired, until });
};
