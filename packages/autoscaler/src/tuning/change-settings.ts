/** From what an operator asks for to the fields of the hash `settings`: checked as a whole before anything is stored. Pure. */
import { didYouMean } from '@flamejs/protocol/suggest';
import { type ChangedSettings, FlameConfigError, type PoolConfig, type SettingsChange } from '@flamejs/queue';
import { readSettings } from './settings.ts';

const WHOLE = ['min', 'max', 'buffer', 'idleShutdownAfterMs', 'scaleDownWindowMs'] as const;
const TUNABLE: readonly (keyof SettingsChange)[] = [...WHOLE, 'policy', 'paused', 'override'];

/** @see Tuner.change */
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
      problems.push(`${name}: unknown setting; known: ${TUNABLE.join(', ')}.${didYouMean(name, TUNABLE)}`);
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
