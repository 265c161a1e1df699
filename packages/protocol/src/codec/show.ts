/** A value in a message, for people: one line, bounded. */
import { inspect } from 'node:util';

/** @returns text for whatever it is, even for what throws when it is looked at. */
export function show(value: unknown): string {
  try {
    const shown = inspect(value, {
      depth: 1,
      maxStringLength: 200,
      maxArrayLength: 10,
      breakLength: Number.POSITIVE_INFINITY,
    });
    return shown.length > 400 ? `${shown.slice(0, 400)}…` : shown;
  } catch {
    return `a value of type ${typeof value}`;
  }
}
