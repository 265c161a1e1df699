/**
 * The root of every error that Flame itself raises. Errors cross process boundaries (the codec rebuilds them without
 * calling constructors) and package copies (an app and its runner image may each bring one), so what makes an error a
 * Flame error is a registered symbol on its prototype and its `code`, never the identity of a class.
 */

import { docsOf } from './docs.ts';
import { publicData, publicText } from './public-text.ts';

const BRAND = Symbol.for('@flamejs/error');

/** Own fields that `toJSON()` leaves out: they carry traces of the remote machine. */
const PRIVATE_FIELDS: ReadonlySet<string> = new Set(['name', 'message', 'stack', 'remoteStack', 'stderr', 'cause']);

export interface FlameErrorOptions {
  /** The call that this is about, when there is one. */
  readonly callId?: string | undefined;
  readonly cause?: unknown;
  /** One sentence: what the reader should do. Every class has a default. */
  readonly advice?: string | undefined;
}

/**
 * Base class of all errors of Flame. `error instanceof FlameError` holds for errors of another copy of this package and
 * for errors that were thrown on a runner and rebuilt here.
 */
export class FlameError extends Error {
  static readonly code: string = 'FLAME_ERR';
  static readonly advice: string = 'Read the message and the cause.';

  /** Stable, for `switch` and alerts: `FLAME_ERR_*`. */
  declare readonly code: string;
  /** The call that this is about, when there is one. */
  declare readonly callId?: string;
  /** One sentence: what to do about it. */
  declare readonly advice: string;
  /** The page about errors of this code: what causes them, what to do, an example. */
  declare readonly docs: string;

  static {
    nameErrorClass(FlameError, 'FlameError');
  }

  constructor(message: string, options: FlameErrorOptions = {}) {
    super(message, 'cause' in options && options.cause !== undefined ? { cause: options.cause } : undefined);
    this.code = new.target.code;
    if (options.callId !== undefined) this.callId = options.callId;
    this.advice = options.advice ?? new.target.advice;
    this.docs = docsOf(this.code);
  }

  get [BRAND](): true {
    return true;
  }

  // biome-ignore-start lint/complexity/noThisInStatic: `this` is the class on the right-hand side of instanceof
  static override [Symbol.hasInstance](this: typeof FlameError, value: unknown): boolean {
    if (!isBranded(value)) return false;
    if (Object.hasOwn(this, 'code')) return this.code === 'FLAME_ERR' || value.code === this.code;
    // A user's own subclass has no code of its own: only the prototype chain can tell.
    return Function.prototype[Symbol.hasInstance].call(this, value);
  }
  // biome-ignore-end lint/complexity/noThisInStatic: see above

  /** Plain data for logs and HTTP responses. No stack, no stderr, no folders: those are of the remote machine. */
  toJSON(): Record<string, unknown> {
    const json: Record<string, unknown> = { name: this.name, code: this.code, message: publicText(this.message) };
    for (const [key, value] of Object.entries(this)) if (!PRIVATE_FIELDS.has(key)) json[key] = publicData(value);
    const cause = describeCause(this.cause);
    if (cause !== undefined) json.cause = cause;
    return json;
  }
}

/**
 * Sets the name that stack traces and the codec's class table use. It is given as text because minifiers rename classes.
 */
export function nameErrorClass(errorClass: { readonly prototype: Error }, name: string): void {
  Object.defineProperty(errorClass.prototype, 'name', { value: name, writable: true, configurable: true });
}

function isBranded(value: unknown): value is { readonly code: unknown } {
  return typeof value === 'object' && value !== null && BRAND in value;
}

function describeCause(cause: unknown): unknown {
  if (cause === undefined) return undefined;
  if (cause instanceof FlameError) return cause.toJSON();
  if (cause instanceof Error) return { name: cause.name, message: publicText(String(cause.message)) };
  return typeof cause === 'object' || typeof cause === 'function'
    ? Object.prototype.toString.call(cause)
    : publicData(cause);
}
