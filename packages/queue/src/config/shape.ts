/** Reads an object option by option and collects every problem with its path. */
import type { ConfigProblem } from '@flamejs/protocol/errors/input-errors';
import { didYouMean } from '@flamejs/protocol/suggest';

/** One row of the options table. */
export interface OptionDoc {
  readonly description: string;
  /** What to write: `duration`, `bytes`, `number`, … */
  readonly kind: string;
  readonly default: string;
}

export interface Field<T> {
  readonly doc: OptionDoc;
  /** @returns the parsed value; `undefined` when it is none, and then `problems` says why */
  readonly read: (value: unknown, path: string, problems: ConfigProblem[]) => T | undefined;
}

export type Shape = Readonly<Record<string, Field<unknown>>>;

/** What a shape reads when there is no problem. */
export type Output<S extends Shape> = {
  readonly [Name in keyof S]: S[Name] extends Field<infer T> ? T : never;
};

/**
 * @param expected what to say when it is no object at all
 * @returns what was read, of use only when no problem was added; `undefined` when it is no object
 */
export const readShape = <S extends Shape>(
  shape: S,
  input: unknown,
  path: string,
  expected: string,
  problems: ConfigProblem[],
): Output<S> | undefined => {
  if (!isObject(input)) {
    problems.push({ path, message: expected });
    return undefined;
  }
  const read = Object.entries(shape).map(([name, field]) => [
    name,
    field.read(Object.hasOwn(input, name) ? input[name] : undefined, join(path, name), problems),
  ]);
  const known = Object.keys(shape);
  for (const name of Object.keys(input)) {
    if (Object.hasOwn(shape, name)) continue;
    problems.push({ path: join(path, name), message: `unknown option.${didYouMean(name, known)}` });
  }
  return Object.fromEntries(read) as Output<S>;
};

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);
