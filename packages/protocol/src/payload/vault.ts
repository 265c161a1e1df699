/**
 * Seals what goes into Redis and opens what comes out of it, by the list of transforms in the config: bytes to bytes, at the
 * border of the processes that talk to Redis. Executors, which do not, need neither keys nor transforms.
 *
 * A sealed frame is one byte of the codec's frame version with a flag, and behind it what the last transform made.
 */
import { FlameError, FlameSealError } from '../errors/index.ts';
import { GcmProblem } from './gcm.ts';
import type { PayloadContext, PayloadKind, PayloadTransform } from './types.ts';

/** First byte of a sealed frame, of a plain one, and of the text that progress is without a vault (JSON) neither. */
export const SEALED = 0x11;
const PLAIN = 0x10;

export type MaybePromise<T> = T | Promise<T>;

export interface About {
  readonly callId: string;
  readonly kind: PayloadKind;
  readonly part?: string;
}

export interface Vault {
  /** Whether anything is sealed here. */
  readonly seals: boolean;
  /** Whether what it seals must not stand in the open elsewhere. */
  readonly hides: boolean;
  /** Whether bytes that nobody sealed are refused. */
  readonly strict: boolean;
  /** @throws FlameSealError, also by its promise */
  seal(frame: Uint8Array, about: About): MaybePromise<Uint8Array>;
  /** @param limit bytes of the encoded value @throws FlameSealError, FlamePayloadTooLargeError, also by its promise */
  open(bytes: Uint8Array, about: About & { readonly limit: number }): MaybePromise<Uint8Array>;
}

/** What a vault is made from: part of an app's config. */
export interface VaultConfig {
  readonly app: string;
  /** What bytes of calls go through on their way into Redis, in order. */
  readonly payload: readonly PayloadTransform[];
}

/** A transform of the user's that never answers must not hold a call for ever. */
const PATIENCE_MS = 30_000;

export const createVault = ({ app, payload }: VaultConfig): Vault => {
  const sealing = payload.filter(({ opensOnly }) => opensOnly !== true);
  const hiding = payload.filter(({ hides }) => hides !== false);
  const strict = hiding.some(({ acceptsUnsealed }) => acceptsUnsealed !== true);
  return {
    seals: sealing.length > 0,
    hides: hiding.some(({ opensOnly }) => opensOnly !== true),
    strict,
    seal(frame, about) {
      if (sealing.length === 0) return frame;
      const context = { app, limit: Number.POSITIVE_INFINITY, ...about };
      return after(run(sealing, 'seal', frame, context), (sealed) => Buffer.concat([Buffer.of(SEALED), sealed]));
    },
    open(bytes, { limit, ...about }) {
      if (bytes[0] !== SEALED) {
        if (strict)
          throw problem('unsealed', about, 'it stands in Redis unsealed, and this app encrypts what it stores');
        return bytes;
      }
      if (payload.length === 0) {
        throw problem(
          'no-payload',
          about,
          'it is sealed, and the config of this process has no `payload` to open it with',
        );
      }
      const context = { app, limit: frameLimit(limit), ...about };
      return after(run([...payload].reverse(), 'open', bytes.subarray(1), context), (frame) => {
        if (frame[0] === PLAIN) return frame;
        throw problem(
          'failed',
          about,
          'what came out is no frame: `payload` must list the same steps where it is sealed',
        );
      });
    },
  };
};

/** A vault that changes nothing, for where there is no config. */
export const noVault: Vault = createVault({ app: '', payload: [] });

export const isSealed = (bytes: Uint8Array): boolean => bytes[0] === SEALED;

/** Calls `next` at once when the value is there already: most vaults do nothing, and then cost no turn of the loop. */
export const after = <A, B>(value: MaybePromise<A>, next: (value: A) => MaybePromise<B>): MaybePromise<B> =>
  value instanceof Promise ? value.then(next) : next(value);

/** Of a frame around so many bytes: its head, a length and padding for each part, and parts are larger than 512 bytes. */
const frameLimit = (limit: number): number => limit + Math.ceil(limit / 32) + 65_536;

const run = (
  steps: readonly PayloadTransform[],
  way: 'seal' | 'open',
  bytes: Uint8Array,
  about: PayloadContext,
): MaybePromise<Uint8Array> => {
  let at: MaybePromise<Uint8Array> = bytes;
  for (const step of steps) at = after(at, (input) => apply(step, way, input, about));
  return at;
};

const apply = (
  step: PayloadTransform,
  way: 'seal' | 'open',
  bytes: Uint8Array,
  about: PayloadContext,
): MaybePromise<Uint8Array> => {
  const failed = (error: unknown): never => {
    throw error instanceof FlameError ? error : describe(step, way, about, error);
  };
  const check = (made: unknown): Uint8Array => {
    if (!(made instanceof Uint8Array)) return failed(new TypeError(`it gave ${typeof made} in the place of bytes`));
    if (way === 'open' && made.length > about.limit)
      return failed(new RangeError(`more than ${about.limit} bytes came out`));
    return made;
  };
  try {
    const made: unknown = step[way](bytes, about);
    return isThenable(made) ? inTime(made).then(check).catch(failed) : check(made);
  } catch (error) {
    return failed(error);
  }
};

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';

const inTime = async (work: PromiseLike<unknown>): Promise<unknown> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it did not answer within ${PATIENCE_MS} ms`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
};

const describe = (
  step: PayloadTransform,
  way: 'seal' | 'open',
  about: PayloadContext,
  error: unknown,
): FlameSealError => {
  if (error instanceof GcmProblem) return problem(error.reason, about, error.message);
  const why = error instanceof Error ? error.message : String(error);
  return problem('failed', about, `\`${step.name}\` of \`payload\` could not ${way} it: ${why}`);
};

const problem = (reason: FlameSealError['reason'], { callId, kind }: About, why: string): FlameSealError => {
  const whose =
    kind === 'schedule' ? `schedule ${JSON.stringify(callId)}: its arguments` : `call ${callId}: its ${NOUNS[kind]}`;
  return new FlameSealError(`${whose} cannot be used: ${why}`, { callId, reason });
};

const NOUNS = {
  arguments: 'arguments',
  result: 'result',
  error: 'error',
  progress: 'progress',
  ready: 'readiness',
  stream: 'items',
} as const;
