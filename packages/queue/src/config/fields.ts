/** Building blocks of the schema: every field says what it expects, and is documented where it stands. */
import { z } from 'zod';
import { readBytes } from '../bytes.ts';
import { readDuration } from '../duration.ts';
import { no, type Parsed, show, yes } from '../parsed.ts';

/** One row of the options table. */
export interface OptionDoc {
  readonly description: string;
  /** What to write: `duration`, `bytes`, `number`, … */
  readonly kind: string;
  readonly default: string;
}

/** An optional field whose reader answers with the parsed value or with the problem. */
export const field = <T>(doc: OptionDoc, read: (value: unknown) => Parsed<T>) =>
  reading(read)
    .optional()
    .meta({ ...doc });

/** A field that must be given. */
export const required = <T>(doc: OptionDoc, read: (value: unknown) => Parsed<T>) => reading(read).meta({ ...doc });

const reading = <T>(read: (value: unknown) => Parsed<T>) =>
  z
    .custom<unknown>(() => true)
    .transform((input, context): T => {
      const parsed = read(input);
      if (parsed.ok) return parsed.value;
      context.issues.push({ code: 'custom', message: parsed.message, input });
      return z.NEVER;
    });

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

export const flag = (description: string, fallback: string) =>
  field({ description, kind: 'boolean', default: fallback }, (value) =>
    typeof value === 'boolean' ? yes(value) : no(`expected true or false, got ${show(value)}`),
  );

export const hook = <F extends (info: never) => unknown>(description: string) =>
  field({ description, kind: 'function', default: 'none' }, (value) =>
    typeof value === 'function' ? yes(value as F) : no(`expected a function, got ${show(value)}`),
  );

/** @param methods what makes a value acceptable: an object with a name and these functions. */
export const pluggable = <T>(description: string, what: string, methods: readonly string[], fallback: string) =>
  field({ description, kind: what, default: fallback }, (value) => {
    if (typeof value !== 'object' || value === null) {
      return no(`expected a ${what} such as \`${EXAMPLE[what] ?? what}\`, got ${show(value)}`);
    }
    const object = value as Readonly<Record<string, unknown>>;
    if (typeof object.name !== 'string') return no(`is no ${what}: it has no name`);
    const missing = methods.filter((method) => typeof object[method] !== 'function');
    return missing.length === 0 ? yes(value as T) : no(`is no ${what}: it has no function ${missing.join(', ')}`);
  });

const EXAMPLE: Readonly<Record<string, string>> = { backend: 'local()', policy: 'queueDepth()' };
