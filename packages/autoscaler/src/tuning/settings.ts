/** Live overrides of a pool: read from the hash `settings`, validated as a whole, or not applied at all. Pure. */
import type { ConfigProblem, NamedPolicy, PoolConfig, PoolSettings, ReadSettings } from '@flamejs/queue';
import { poolShape } from '@flamejs/queue/internal';
import { policyByName } from '../policies/named.ts';
import { queueDepth } from '../policies/queue-depth.ts';

/**
 * Fields: `min`, `max`, `buffer`, `idleShutdownAfterMs`, `scaleDownWindowMs` (whole numbers), `policy` (JSON
 * `{name, options}` or a list of them), `paused` (`in`, `out`, `all`: holds scaling, not the queue), `override` (JSON
 * `{desired, until}`), and `by`, `at`: who and when.
 */
export const readSettings = (pool: PoolConfig, raw: Readonly<Record<string, string>>): ReadSettings => {
  const problems: string[] = [];
  const base = configured(pool);
  const by = raw.by ?? '';
  const at = Number(raw.at ?? 0) || 0;
  const whole = (name: keyof typeof BOUNDS, fallback: number): number => {
    const text = raw[name];
    if (text === undefined) return fallback;
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!Number.isSafeInteger(value)) {
      problems.push(`${name}: a whole number is needed, got ${JSON.stringify(text)}`);
      return fallback;
    }
    const problem = outOfBounds(name, value);
    if (problem === undefined) return value;
    problems.push(`${name}: ${problem}`);
    return fallback;
  };
  const json = <T>(name: string, read: (value: unknown) => T, fallback: T): T => {
    const text = raw[name];
    if (text === undefined || text === '') return fallback;
    try {
      return read(JSON.parse(text));
    } catch (error) {
      problems.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      return fallback;
    }
  };

  const paused = raw.paused ?? '';
  if (!['', 'in', 'out', 'all'].includes(paused))
    problems.push(`paused: in, out or all is needed, got ${JSON.stringify(paused)}`);
  const effective: PoolSettings = {
    min: whole('min', base.min),
    max: whole('max', base.max),
    buffer: whole('buffer', base.buffer),
    idleShutdownAfterMs: whole('idleShutdownAfterMs', base.idleShutdownAfterMs),
    scaleDownWindowMs: whole('scaleDownWindowMs', base.scaleDownWindowMs),
    policy: json('policy', (value) => policyByName(value as NamedPolicy), base.policy),
    override: json('override', readOverride, null),
    allowOut: paused !== 'out' && paused !== 'all',
    allowIn: paused !== 'in' && paused !== 'all',
  };
  if (effective.min > effective.max) problems.push(`min ${effective.min} is larger than max ${effective.max}`);
  return problems.length === 0 ? { ok: true, effective, by, at } : { ok: false, problems, by, at };
};

/** What the config would refuse is refused here too: by the very same rules. */
const BOUNDS = {
  min: poolShape.min,
  max: poolShape.max,
  buffer: poolShape.buffer,
  idleShutdownAfterMs: poolShape.idleShutdownAfter,
  scaleDownWindowMs: poolShape.scaleDownWindow,
} as const;

const outOfBounds = (name: keyof typeof BOUNDS, value: number): string | undefined => {
  const problems: ConfigProblem[] = [];
  BOUNDS[name].read(value, name, problems);
  return problems[0]?.message;
};

export const configured = (pool: PoolConfig): PoolSettings => ({
  min: pool.min,
  max: pool.max,
  buffer: pool.buffer,
  policy: pool.policy ?? queueDepth(),
  idleShutdownAfterMs: pool.idleShutdownAfterMs,
  scaleDownWindowMs: pool.scaleDownWindowMs,
  allowOut: true,
  allowIn: true,
  override: null,
});

const readOverride = (value: unknown): PoolSettings['override'] => {
  const { desired, until } = (value ?? {}) as { desired?: unknown; until?: unknown };
  if (!Number.isSafeInteger(desired)) throw new Error('desired must be a whole number');
  const problem = outOfBounds('min', Number(desired));
  if (problem !== undefined) throw new Error(`desired: ${problem}`);
  // An override without an end is forgotten and costs money for months.
  if (!Number.isSafeInteger(until)) throw new Error('until must be epoch milliseconds');
  return { desired: Number(desired), until: Number(until) };
};
