/** How long to wait between two attempts: parsing what users write, and asking a function of theirs. */
import type { ParsedBackoff } from '@flamejs/protocol/attempt/next-attempt';
import { parseDuration, readDuration } from '@flamejs/protocol/duration';
import { mapParsed, no, type Parsed, show, yes } from '@flamejs/protocol/parsed';
import type { BackoffFunction } from './types.ts';

const DEFAULT_MAX_MS = 3_600_000;

/** @returns a backoff in the form of data, or the problem. */
export const readBackoff = (value: unknown): Parsed<ParsedBackoff> => {
  if (typeof value !== 'object' || value === null) {
    return mapParsed(readDuration(value), (delayMs) => ({ type: 'fixed', delayMs, maxMs: delayMs, jitter: 0 }));
  }
  const { type, delay, max, jitter = 0, ...rest } = value as Readonly<Record<string, unknown>>;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) return no(`has an unknown part "${unknown}"; it has type, delay, max and jitter`);
  if (type !== 'fixed' && type !== 'exponential') {
    return no(`type: expected 'fixed' or 'exponential', got ${show(type)}`);
  }
  const delayMs = readDuration(delay);
  if (!delayMs.ok) return no(`delay: ${delayMs.message}`);
  const maxMs = max === undefined ? yes(Math.max(DEFAULT_MAX_MS, delayMs.value)) : readDuration(max);
  if (!maxMs.ok) return no(`max: ${maxMs.message}`);
  if (typeof jitter !== 'number' || !(jitter >= 0 && jitter <= 1)) {
    return no(`jitter: expected a number from 0 to 1, got ${show(jitter)}`);
  }
  return yes({ type, delayMs: delayMs.value, maxMs: maxMs.value, jitter });
};

/** @returns what a function's own backoff asks for, ms. @throws FlameConfigError when its answer is no duration, or what it throws. */
export const askBackoff = (backoff: BackoffFunction, attempt: number, error: unknown): number =>
  parseDuration(backoff(attempt, error), 'backoff');
