/** Building blocks of the schema: every field says what it expects, and is documented where it stands. */
import { readBytes } from '@flamejs/protocol/bytes';
import { readDuration } from '@flamejs/protocol/duration';
import type { ConfigProblem } from '@flamejs/protocol/errors/input-errors';
import { no, type Parsed, show, yes } from '@flamejs/protocol/parsed';
import type { Field, OptionDoc } from './shape.ts';

/** An optional field whose reader answers with the parsed value or with the problem. */
export const field = <T>(doc: OptionDoc, read: (value: unknown) => Parsed<T>): Field<T | undefined> => ({
  doc,
  read: (value, path, problems) => (value === undefined ? undefined : take(read(value), path, problems)),
});

/** A field that must be given. */
export const required = <T>(doc: OptionDoc, read: (value: unknown) => Parsed<T>): Field<T> => ({
  doc,
  read: (value, path, problems) => take(read(value), path, problems),
});

const take = <T>(parsed: Parsed<T>, path: string, problems: ConfigProblem[]): T | undefined => {
  if (parsed.ok) return parsed.value;
  problems.push({ path, message: parsed.message });
  return undefined;
};

export const duration = (description: string, fallback: string, rule: 'positive' | 'any' = 'positive') =>
  field({ description, kind: 'duration', default: fallback }, (value) => {
    const parsed = readDuration(value);
    return rule === 'positive' && parsed.ok && parsed.value === 0 ? no('must be longer than 0') : parsed;
  });

export const bytes = (description: string, fallback: string) =>
  field({ description, kind: 'bytes', default: fallback }, (value) => {
    const parsed = readBytes(value);
    return parsed.ok && parsed.value === 0 ? no('must be more than 0') : parsed;
  });

export const whole = (description: string, fallback: string, min: number, max: number) =>
  field({ description, kind: 'number', default: fallback }, (value) =>
    Number.isInteger(value) && (value as number) >= min && (value as number) <= max
      ? yes(value as number)
      : no(`expected a whole number from ${min} to ${max}, got ${show(value)}`),
  );

export const amount = (description: string, fallback: string) =>
  field({ description, kind: 'number', default: fallback }, (value) =>
    Number.isFinite(value) && (value as number) >= 0
      ? yes(value as number)
      : no(`expected a number of at least 0, got ${show(value)}`),
  );

export const flag = (description: string, fallback: string) =>
  field({ description, kind: 'boolean', default: fallback }, (value) =>
    typeof value === 'boolean' ? yes(value) : no(`expected true or false, got ${show(value)}`),
  );

export const paths = (description: string, fallback: string) =>
  field({ description, kind: 'list of strings', default: fallback }, (value) =>
    Array.isArray(value) && value.every((item) => typeof item === 'string' && item !== '')
      ? yes(value as readonly string[])
      : no(`expected a list of paths or glob patterns, got ${show(value)}`),
  );

/** Names of variables, in which `*` stands for any characters. */
export const passEnv = (description: string) =>
  field({ description, kind: 'list of names or patterns', default: 'none' }, (value) =>
    Array.isArray(value) && value.every((item) => typeof item === 'string' && /^[^=\s]+$/.test(item))
      ? yes(value as readonly string[])
      : no(`expected a list of names or patterns of environment variables, got ${show(value)}`),
  );

export const hook = <F extends (info: never) => unknown>(description: string) =>
  field({ description, kind: 'function', default: 'none' }, (value) =>
    typeof value === 'function' ? yes(value as F) : no(`expected a function, got ${show(value)}`),
  );

/** @param methods what makes a value acceptable: an object with a name and these functions. */
export const pluggable = <T>(
  description: string,
  what: string,
  methods: readonly string[] | ((value: Readonly<Record<string, unknown>>) => readonly string[]),
  fallback: string,
) =>
  field({ description, kind: what, default: fallback }, (value) => {
    if (typeof value !== 'object' || value === null) {
      return no(`expected a ${what} such as \`${EXAMPLE[what] ?? what}\`, got ${show(value)}`);
    }
    const object = value as Readonly<Record<string, unknown>>;
    if (typeof object.name !== 'string') return no(`is no ${what}: it has no name`);
    const missing = (typeof methods === 'function' ? methods(object) : methods).filter(
      (method) => typeof object[method] !== 'function',
    );
    return missing.length === 0 ? yes(value as T) : no(`is no ${what}: it has no function ${missing.join(', ')}`);
  });

const EXAMPLE: Readonly<Record<string, string>> = { backend: 'local()', policy: 'queueDepth()', telemetry: 'otel()' };
