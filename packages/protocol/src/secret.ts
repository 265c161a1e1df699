/**
 * A value that is never shown. It travels encrypted even where nothing else is, and whatever prints it prints `[secret]`:
 * logs, inspectors, JSON, templates.
 */
import { inspect } from 'node:util';

export const SHOWN = '[secret]';

/** Recognises secrets of every copy of this package in a process. */
const BRAND = Symbol.for('@flamejs/secret');

export class Secret<T = unknown> {
  readonly #reveal: () => T;

  /** @param reveal gives the value, or throws why it cannot */
  private constructor(reveal: () => T) {
    this.#reveal = reveal;
  }

  static of<T>(value: T): Secret<T> {
    return new Secret(() => value);
  }

  /** One whose value is opened when it is asked for. */
  static sealed(reveal: () => unknown): Secret {
    return new Secret(reveal);
  }

  /** @returns the value. @throws FlameSealError where the keys for it are not at hand */
  reveal(): T {
    return this.#reveal();
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [inspect.custom](): string {
    return SHOWN;
  }

  get [BRAND](): true {
    return true;
  }
}

/** Whether a value was made by `flame.secret`, here or in another process. */
export const isSecret = (value: unknown): value is Secret =>
  typeof value === 'object' && value !== null && BRAND in value;
