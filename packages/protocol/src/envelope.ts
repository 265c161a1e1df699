/**
 * The job's data: what a caller asks for. It is signed when the app has a signing key, so that whoever can write to Redis
 * cannot make a runner execute anything that no caller asked for.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { type Descent, isDescent } from './descent.ts';
import { formatDuration } from './duration.ts';
import { areLimits } from './limits.ts';
import { isTraceCarrier, type TraceCarrier } from './trace-carrier.ts';

export const ENVELOPE_VERSION = 1;

/** Options of a call that the runner obeys; milliseconds. */
export interface EnvelopeOptions {
  readonly timeoutMs: number;
  readonly retries: number;
  readonly failOnLoss: boolean;
  /** Only a runner of the caller's own release may take it. */
  readonly strict?: true;
  readonly resultTtlMs: number;
  readonly failedTtlMs: number;
  /** What its function yields is a stream. */
  readonly stream?: StreamTerms;
  /** Data form of the backoff, `undefined` when the function's own (or none) applies. */
  readonly backoff?: {
    readonly type: 'fixed' | 'exponential';
    readonly delayMs: number;
    readonly maxMs: number;
    readonly jitter: number;
  };
}

export interface StreamTerms {
  /** The caller whose reading moves the window, '' for nobody. */
  readonly owner: string;
  /** The function goes on at `context().resumeFrom` when it has to run again. */
  readonly resumable: boolean;
}

export interface Envelope {
  readonly v: number;
  /** Name of the function. */
  readonly fn: string;
  /** Release of the caller. */
  readonly release: string;
  /** Arguments as codec JSON, when they have no binary parts and are small; `null` when they stand in their own key. */
  readonly args: string | null;
  /** Sealed arguments as base64, when they are small; `args` is `null` then. */
  readonly sealed?: string;
  /** What secrets among the arguments and in the result are sealed for, when that is not the call itself. */
  readonly scope?: string;
  /** SHA-256 of the packed (or sealed) arguments in their own key. */
  readonly digest?: string;
  /** Size of the encoded arguments, bytes. */
  readonly size: number;
  readonly by: string;
  /** Of a call that a function made. */
  readonly line?: Descent;
  /** The keys of limits that it is under; the text of a key is missing where payloads are sealed. */
  readonly limits?: readonly { readonly gate: string; readonly label: string; readonly key?: string }[];
  /** When it is due, in Redis ms as its caller knew them: so long after that its signature is good for nothing (`signatureTtl`). */
  readonly at?: number | undefined;
  /** Where it belongs among traces. */
  readonly trace?: TraceCarrier;
  readonly opts: EnvelopeOptions;
  readonly sig?: string;
}

/** Arguments up to this size stand in the job itself, where the dashboard can show them. */
export const INLINE_ARGS_BYTES = 16 * 1024;

/** No envelope is so large: its arguments are small, or stand in a key of their own. */
export const MOST_ENVELOPE_BYTES = 1024 * 1024;

/** Puts sealed arguments into the envelope, or beside it when they are large. */
export const placeSealed = (
  envelope: Envelope,
  sealed: Uint8Array,
): { readonly envelope: Envelope; readonly largeArgs: Uint8Array | undefined } => {
  const { sealed: _, digest: __, ...rest } = envelope;
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  return sealed.length <= INLINE_ARGS_BYTES
    ? { envelope: { ...rest, args: null, sealed: bytes.toString('base64') }, largeArgs: undefined }
    : { envelope: { ...rest, args: null, digest: digestOf(sealed) }, largeArgs: sealed };
};

export const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('base64url');

const signature = (envelope: Envelope, callId: string, app: string, key: string): string => {
  const { sig: _, ...signed } = envelope;
  return createHmac('sha256', key)
    .update(JSON.stringify([app, callId, signed]))
    .digest('base64url');
};

/** @returns the envelope with a signature over every field, the app and the call id (which names the pool). */
export const signEnvelope = (envelope: Envelope, callId: string, app: string, key: string | undefined): Envelope =>
  key === undefined ? envelope : { ...envelope, sig: signature(envelope, callId, app, key) };

export interface Freshness {
  /** Redis ms. */
  readonly now: number;
  readonly signatureTtlMs: number;
  /** Whether it must say when it is due. */
  readonly required: boolean;
}

/** So long after a call is due it may be retried by hand, whatever `signatureTtl` says. */
const LONGER_THAN_KEPT_MS = 7 * 86_400_000;

/** @returns why the envelope must not be executed, or `undefined` when it may be. */
export const distrust = (
  envelope: Envelope,
  callId: string,
  app: string,
  key: string | undefined,
  freshness?: Freshness,
): string | undefined => {
  if (key === undefined) return undefined;
  if (envelope.sig === undefined) return 'it is not signed, and this runner has a signing key';
  const expected = Buffer.from(signature(envelope, callId, app, key));
  const found = Buffer.from(envelope.sig);
  if (expected.length !== found.length || !timingSafeEqual(expected, found)) return 'its signature does not match';
  return freshness === undefined ? undefined : staleness(envelope, freshness);
};

/** A copy of a call that was made once must not be good for ever: whoever can write to Redis could put it there again. */
const staleness = ({ at, opts }: Envelope, { now, signatureTtlMs, required }: Freshness): string | undefined => {
  if (at === undefined) return required ? 'it does not say when it is due (requireSignedTime)' : undefined;
  const ttlMs = Math.max(signatureTtlMs, opts.failedTtlMs + LONGER_THAN_KEPT_MS);
  if (now <= at + ttlMs) return undefined;
  return `it was due ${formatDuration(now - at)} ago, and its signature was good for ${formatDuration(ttlMs)} (signatureTtl)`;
};

/** @returns the envelope in a job's data, or a sentence that says what is wrong with it. */
export const parseEnvelope = (data: unknown): Envelope | string => {
  if (typeof data !== 'object' || data === null) return 'its data is not an envelope';
  const { v, fn, args, opts, sealed, scope, digest, size, release, by, line, at, trace, limits } =
    data as Partial<Envelope>;
  if (v !== ENVELOPE_VERSION)
    return `its envelope has version ${String(v)}, this runner reads version ${ENVELOPE_VERSION}`;
  const texts =
    [fn, release, by].every(isText) && [sealed, scope, digest].every((text) => text === undefined || isText(text));
  if (!texts || (args !== null && !isText(args)) || typeof size !== 'number') return 'its envelope is damaged';
  if (typeof opts !== 'object' || opts === null || !OPTION_NUMBERS.every((name) => typeof opts[name] === 'number'))
    return 'its envelope has no options';
  if (line !== undefined && !isDescent(line)) return 'its envelope is damaged';
  if (at !== undefined && !Number.isFinite(at)) return 'its envelope is damaged';
  if (limits !== undefined && !areLimits(limits)) return 'its envelope is damaged';
  if (trace !== undefined && !isTraceCarrier(trace)) return 'its envelope is damaged';
  return data as Envelope;
};

const OPTION_NUMBERS = ['timeoutMs', 'retries', 'resultTtlMs', 'failedTtlMs'] as const;

const isText = (value: unknown): value is string => typeof value === 'string';
