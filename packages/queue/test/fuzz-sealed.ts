/**
 * Mutated bytes as they would come out of Redis where an app seals what it stores: changed after encryption, between the
 * steps, or before the first, so that every layer meets bytes that no honest writer made.
 */
import { createSecretKey } from 'node:crypto';
import { packPayload, unpackPayload } from '@flamejs/protocol/codec';
import { FlameCodecError, FlamePayloadTooLargeError, FlameSealError } from '@flamejs/protocol/errors';
import { compress } from '@flamejs/protocol/payload/compress';
import { encrypt } from '@flamejs/protocol/payload/encrypt';
import type { PayloadTransform } from '@flamejs/protocol/payload/types';
import { createVault, type Vault } from '@flamejs/protocol/payload/vault';
import { assertUnpolluted, judge } from '../../protocol/test/codec/fuzz.ts';
import { mulberry32, mutator } from '../../protocol/test/codec/mutate.ts';

export interface SealedReport {
  readonly runs: number;
  /** Whose value was decoded in the end. */
  readonly opened: number;
  readonly refused: number;
}

const LIMIT = 1024 * 1024;
const TOGETHER = 50;
const about = { callId: 'images.a', kind: 'result' } as const;

/** @throws when bytes break a rule; the message holds them */
export async function fuzzSealed({ count, seed }: { count: number; seed: number }): Promise<SealedReport> {
  const random = mulberry32(seed);
  const below = (bound: number): number => Math.floor(random() * bound);
  const next = mutator(seed);
  const { vault, layers } = vaults((bytes) => spoil(bytes, below));
  let [opened, refused] = [0, 0];
  const one = async (run: number): Promise<void> => {
    const frame = packPayload(next());
    const layer = layers[below(layers.length)] as Vault;
    const late = below(4) === 0;
    const sealed = new Uint8Array(await layer.seal(frame, about));
    const bytes = late ? spoil(sealed, below) : sealed;
    try {
      if (await isOpened(vault, bytes)) opened += 1;
      else refused += 1;
    } catch (error) {
      const text = JSON.stringify({ seed, run, bytes: Buffer.from(bytes).toString('base64') });
      throw new Error(`mutated sealed bytes broke a rule: ${text}`, { cause: error });
    }
  };
  // Compression waits for another thread; meanwhile the next ones are made.
  for (let run = 0; run < count; run += TOGETHER) {
    await Promise.all(Array.from({ length: Math.min(TOGETHER, count - run) }, (_, i) => one(run + i)));
  }
  assertUnpolluted(true);
  return { runs: opened + refused, opened, refused };
}

/** The vault that opens, and those that seal for it, with a fault between their steps. */
function vaults(fault: (bytes: Uint8Array) => Uint8Array): { vault: Vault; layers: readonly Vault[] } {
  const crypt = encrypt().withKeys([{ id: 'test', key: createSecretKey(Buffer.alloc(32, 9)) }]);
  const squeeze = compress({ above: 64, level: 1 });
  const broken: PayloadTransform = { name: 'fault', seal: fault, open: (bytes) => bytes };
  const of = (...payload: PayloadTransform[]): Vault => createVault({ app: 'fuzz', payload });
  return {
    vault: of(squeeze, crypt),
    layers: [of(squeeze, crypt), of(broken, squeeze, crypt), of(squeeze, broken, crypt), of(squeeze, crypt, broken)],
  };
}

async function isOpened(vault: Vault, bytes: Uint8Array): Promise<boolean> {
  try {
    const frame = await vault.open(bytes, { ...about, limit: LIMIT });
    if (frame.length > LIMIT + LIMIT / 32 + 65_536) throw new Error(`${frame.length} bytes came out`);
    return judge(unpackPayload(frame)) === 'accepted';
  } catch (error) {
    const refusal = [FlameSealError, FlamePayloadTooLargeError, FlameCodecError].some((type) => error instanceof type);
    if (!refusal) throw new Error('another error than a typed refusal', { cause: error });
    assertUnpolluted();
    return false;
  }
}

function spoil(bytes: Uint8Array, below: (bound: number) => number): Uint8Array {
  const copy = Buffer.from(bytes);
  if (copy.length === 0) return Buffer.of(below(256));
  for (let i = below(3); i >= 0; i -= 1) copy[below(copy.length)] = below(256);
  switch (below(6)) {
    case 0:
      return copy.subarray(0, below(copy.length));
    case 1:
      return Buffer.concat([copy, copy.subarray(below(copy.length))]);
    default:
      return copy;
  }
}
