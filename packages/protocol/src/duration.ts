/** Durations as users write them, as numbers of milliseconds inside, and as people read them. */
import { FlameConfigError } from './errors/input-errors.ts';
import { no, type Parsed, show, yes } from './parsed.ts';

export type DurationUnit = 'ms' | 's' | 'm' | 'h' | 'd';

/** Milliseconds as a number, or a string such as `'250ms'`, `'1.5s'`, `'5m'`, `'2h'`, `'7d'`. */
export type Duration = number | `${number}${DurationUnit}` | `${number} ${DurationUnit}`;

/** The longest duration: beyond it a number of milliseconds is no longer exact. About 285,000 years. */
export const MAX_DURATION_MS = Number.MAX_SAFE_INTEGER;

const UNIT_MS: Readonly<Record<DurationUnit, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** The number is whatever the type takes for one: `1.5`, `.5`, `1e3`. */
const PATTERN = /^(.*?\S) *(ms|s|m|h|d)$/;
const EXPECTED = "a number of milliseconds or a string such as '250ms', '30s', '5m', '2h', '7d'";

/** @returns whole milliseconds, or the problem. A positive duration never becomes 0. */
export const readDuration = (input: unknown): Parsed<number> => {
  const exact = typeof input === 'string' ? readText(input) : input;
  if (typeof exact !== 'number') return no(`expected ${EXPECTED}, got ${show(input)}`);
  if (!Number.isFinite(exact)) return no(`must be finite, got ${show(input)}; expected ${EXPECTED}`);
  if (exact < 0) return no(`must not be negative, got ${show(input)}`);
  const ms = exact > 0 ? Math.max(1, Math.round(exact)) : 0;
  if (ms > MAX_DURATION_MS) return no(`is longer than 2^53 ms, got ${show(input)}`);
  return yes(ms);
};

/**
 * @returns whole milliseconds.
 * @throws FlameConfigError for anything else than a finite duration from 0 to 2^53 ms; `name` is the path it reports.
 */
export const parseDuration = (input: Duration, name = 'duration'): number => {
  const parsed = readDuration(input);
  if (parsed.ok) return parsed.value;
  throw new FlameConfigError(`${name} ${parsed.message}`, { problems: [{ path: name, message: parsed.message }] });
};

/**
 * For durations that come from outside of the program, which the type checker has not seen.
 *
 * @param text `'30s'`, or a plain number of milliseconds, as variables of the environment have it.
 * @returns milliseconds, which every option that is a duration takes.
 * @throws FlameConfigError when it is none. @example timeout: duration(process.env.RENDER_TIMEOUT ?? '5m')
 */
export const duration = (text: string): number =>
  parseDuration((/^\d+$/.test(text) ? Number(text) : text.trim()) as Duration);

/** @returns text for people: `250ms`, `1.5s`, `30s`, `1m 33s`, `2h`, `7d`. Rounded to the two largest units. */
export const formatDuration = (ms: number): string => {
  if (!Number.isFinite(ms)) return String(ms);
  if (ms < 0) return `-${formatDuration(-ms)}`;
  if (Math.round(ms) < 1000) return `${Math.round(ms)}ms`;
  const seconds = Math.round(ms / 100) / 10;
  if (seconds < 60) return `${seconds}s`;
  if (ms < UNIT_MS.h - 500) return two(Math.round(ms / UNIT_MS.s), 60, 'm', 's');
  if (ms < UNIT_MS.d - 30_000) return two(Math.round(ms / UNIT_MS.m), 60, 'h', 'm');
  return two(Math.round(ms / UNIT_MS.h), 24, 'd', 'h');
};

export interface LongTimeout {
  /** Stops it; safe to call at any time. */
  clear(): void;
  /** Lets the process end although it is armed. */
  unref(): LongTimeout;
}

/** The longest that one `setTimeout` can hold; a longer one fires after 1 ms. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * `setTimeout` for any duration, on monotonic time: a changed wall clock moves nothing, and `fn` never runs early.
 * `Infinity` is allowed here and never fires.
 */
export const setLongTimeout = (fn: () => void, ms: number): LongTimeout => {
  const dueAt = performance.now() + ms;
  let timer: NodeJS.Timeout | undefined;
  let referenced = true;
  const arm = (): void => {
    const remainingMs = Math.max(0, Math.ceil(dueAt - performance.now()));
    timer = setTimeout(fire, Math.min(remainingMs, MAX_TIMER_MS));
    if (!referenced) timer.unref();
  };
  const fire = (): void => {
    // Node's timers run on a clock cut to whole milliseconds, so they may be early by a fraction of one.
    if (performance.now() < dueAt) arm();
    else fn();
  };
  const handle: LongTimeout = {
    clear: () => clearTimeout(timer),
    unref: () => {
      referenced = false;
      timer?.unref();
      return handle;
    },
  };
  arm();
  return handle;
};

const readText = (text: string): number | undefined => {
  const match = PATTERN.exec(text);
  if (match === null) return undefined;
  return Number(match[1]) * UNIT_MS[match[2] as DurationUnit];
};

const two = (small: number, size: number, bigUnit: string, smallUnit: string): string => {
  const rest = small % size;
  const big = `${Math.floor(small / size)}${bigUnit}`;
  return rest === 0 ? big : `${big} ${rest}${smallUnit}`;
};
