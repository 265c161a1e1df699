/**
 * What happens to the bytes of a call on their way into Redis and out of it. The runner's own process applies it, so a
 * transform works on bytes alone, never on values.
 */

/** What the bytes are. A schedule's arguments are stored under the schedule's id, until a call of their own has them. */
export type PayloadKind = 'arguments' | 'result' | 'error' | 'progress' | 'ready' | 'schedule' | 'stream';

/** Whose bytes they are: the same when they are sealed and when they are opened. */
export interface PayloadContext {
  readonly app: string;
  /** For `schedule`, the schedule's id. */
  readonly callId: string;
  readonly kind: PayloadKind;
  /** Of `stream`: which one of the call's it is, its generation and its attempt. */
  readonly part?: string;
  /** Most bytes that may come out of `open`. */
  readonly limit: number;
}

/** One step of `payload` in the config. Callers, runners, the autoscaler and the dashboard need the same list. */
export interface PayloadTransform {
  /** For messages. */
  readonly name: string;
  /** @param bytes an encoded frame, or what the step before made of it */
  seal(bytes: Uint8Array, about: PayloadContext): Uint8Array | Promise<Uint8Array>;
  /** The reverse. @throws anything, for bytes that `seal` has not made for this context */
  open(bytes: Uint8Array, about: PayloadContext): Uint8Array | Promise<Uint8Array>;
  /**
   * Whether it is there to hide and to prove (default), or only changes the form, as compression does. When one step of the
   * list hides, messages of errors are left out of the records that stand beside the bytes.
   */
  readonly hides?: boolean;
  /** Whether bytes that nobody sealed are accepted. Default: only when no step hides. */
  readonly acceptsUnsealed?: boolean;
  /** It opens what others seal, and seals nothing itself: the first step of a roll-out. Default: false. */
  readonly opensOnly?: boolean;
}

/** A step that works with the app's `encryptionKeys`, which are known once the config is parsed. */
export interface KeyedTransform {
  readonly name: string;
  withKeys(keys: readonly EncryptionKey[]): PayloadTransform;
}

/** A key as the parsed config holds it: its bytes appear in no inspector and no JSON. */
export interface EncryptionKey {
  readonly id: string;
  readonly key: import('node:crypto').KeyObject;
}
