/**
 * What the decoder may make of a payload, whoever wrote it, and a loop that checks it on mutated ones. The push test runs
 * some thousands, `scripts/fuzz-codec.ts` as many as one likes.
 */
import { decode, type Payload } from '../../src/codec/index.ts';
import { FlameCodecError, FlameSealError } from '../../src/errors/index.ts';
import { isSecret } from '../../src/secret.ts';
import { mutator } from './mutate.ts';
import { box } from './samples.ts';

export interface FuzzReport {
  readonly runs: number;
  readonly accepted: number;
  readonly rejected: number;
  /** How often each tag stood in a mutated payload. */
  readonly tags: ReadonlyMap<string, number>;
  /** Of the slowest single decode, milliseconds. */
  readonly slowestMs: number;
}

/** @throws when one payload breaks a rule; the message holds what is needed to decode it again. */
export function fuzz(options: { count: number; seed: number; onProgress?: (report: FuzzReport) => void }): FuzzReport {
  const next = mutator(options.seed);
  const tags = new Map<string, number>();
  let [accepted, rejected, slowestMs] = [0, 0, 0];
  const report = (): FuzzReport => ({ runs: accepted + rejected, accepted, rejected, tags, slowestMs });
  for (let run = 0; run < options.count; run += 1) {
    const payload = next();
    for (const [, tag] of payload.json.matchAll(/"\$":"(\w{1,20})"/g))
      tags.set(tag ?? '', (tags.get(tag ?? '') ?? 0) + 1);
    const started = performance.now();
    let outcome: Outcome;
    try {
      outcome = judge(payload);
    } catch (error) {
      const parts = payload.parts.map((part) => Buffer.from(part).toString('base64'));
      const text = JSON.stringify({ seed: options.seed, run, json: payload.json, parts });
      throw new Error(`a mutated payload broke a rule: ${text}`, { cause: error });
    }
    slowestMs = Math.max(slowestMs, performance.now() - started);
    if (outcome === 'accepted') accepted += 1;
    else rejected += 1;
    if ((run + 1) % 100_000 === 0) options.onProgress?.(report());
  }
  assertUnpolluted(true);
  return report();
}

type Outcome = 'accepted' | 'rejected';

/** Decodes and checks the rules: no error but FlameCodecError, no function in the value, no prototype changed. */
export function judge(payload: Payload): Outcome {
  let value: unknown;
  let outcome: Outcome = 'accepted';
  try {
    value = decode(payload, { secrets: box });
  } catch (error) {
    if (!(error instanceof FlameCodecError)) throw new Error('another error than FlameCodecError', { cause: error });
    outcome = 'rejected';
  }
  assertUnpolluted();
  if (outcome === 'accepted') assertOnlyData(value);
  return outcome;
}

const prototypes: readonly object[] = [
  Object,
  Array,
  Function,
  String,
  Number,
  Boolean,
  BigInt,
  Symbol,
  Date,
  RegExp,
  Map,
  Set,
  Promise,
  Error,
  TypeError,
  AggregateError,
  Uint8Array,
  ArrayBuffer,
  DataView,
  Buffer,
  URL,
  DOMException,
].flatMap((ctor) => [ctor, ctor.prototype]);

const signatureOf = (object: object): string =>
  Reflect.ownKeys(object)
    .map((key) => {
      const { value, get, set } = Object.getOwnPropertyDescriptor(object, key) ?? {};
      return `${String(key)}:${typeof value}${typeof get}${typeof set}`;
    })
    .join();
const clean = prototypes.map((object) => ({
  object,
  keys: Reflect.ownKeys(object).length,
  signature: signatureOf(object),
}));
const likely = clean.filter(({ object }) =>
  [Object.prototype, Array.prototype, Error.prototype].includes(object as never),
);
let checks = 0;

/** Counts the keys of the likeliest each time, of the others and their kinds now and then: that takes longer than a decode. */
export function assertUnpolluted(whole = checks % 50 === 0): void {
  checks += 1;
  for (const { object, keys, signature } of whole ? clean : likely) {
    if (Reflect.ownKeys(object).length !== keys || (whole && signatureOf(object) !== signature)) {
      throw new Error(`a built-in object was changed, now or at most 50 payloads ago: ${String(object)}`);
    }
  }
}

/** Looks at own properties only, without running anything. */
function assertOnlyData(value: unknown): void {
  const seen = new Set<object>();
  const queue: unknown[] = [value];
  while (queue.length > 0 && seen.size < 5000) {
    const item = queue.pop();
    if (typeof item === 'function' || typeof item === 'symbol') throw new Error(`decoding made a ${typeof item}`);
    if (typeof item !== 'object' || item === null || seen.has(item)) continue;
    seen.add(item);
    if (isSecret(item)) queue.push(revealed(item));
    if (item instanceof Map) queue.push(...item.keys(), ...item.values());
    if (item instanceof Set) queue.push(...item);
    if (ArrayBuffer.isView(item)) continue;
    for (const key of Reflect.ownKeys(item)) {
      const descriptor = Object.getOwnPropertyDescriptor(item, key);
      // The stack of an error is an accessor in later versions of the engine; the codec sets a plain one.
      if (descriptor?.get !== undefined || descriptor?.set !== undefined) throw new Error(`an accessor ${String(key)}`);
      queue.push(descriptor?.value);
    }
  }
}

/** What is in a secret is decoded only now; a mutated one does not open. */
function revealed(secret: { reveal(): unknown }): unknown {
  try {
    return secret.reveal();
  } catch (error) {
    if (error instanceof FlameSealError || error instanceof FlameCodecError) return undefined;
    throw new Error('a secret broke in another way than by FlameSealError', { cause: error });
  }
}
