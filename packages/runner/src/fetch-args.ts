/** The arguments of a call: in its envelope, or in a key of their own. They are opened if they are sealed, and stay bytes here. */

import { digestOf, type Envelope, type PoolKeys, type RedisClient, type Vault } from '@flamejs/protocol';
import { tooLarge } from '@flamejs/protocol/attempt/decide-pick-up';
import { readLarge } from '@flamejs/protocol/large-reads';
import { borrowMemory } from '@flamejs/protocol/passing-memory';
import { FlameDataLossError, FlameError, FlameUntrustedError } from '@flamejs/queue/errors';
import type { Redis } from 'ioredis';
import type { EncodedArgs } from './executor/index.ts';

type Found<T> = { readonly args: T } | { readonly error: FlameError };

/**
 * Most bytes of arguments that are read, whatever stands in Redis: to read more could end this runner, and the next one that
 * takes the call. What was sealed may be longer than what it was made of; opened, it is held against the limit itself.
 */
const readLimit = (limit: number): number => 3 * limit + 1024 * 1024;

/**
 * @param limit bytes of the encoded arguments
 * @returns the arguments, or the error with which the call ends.
 */
export const fetchArgs = (
  client: RedisClient,
  keys: PoolKeys,
  callId: string,
  envelope: Envelope,
  vault: Vault,
  limit: number,
): Found<EncodedArgs> | Promise<Found<EncodedArgs>> => {
  const open = (found: Found<EncodedArgs>): Found<EncodedArgs> | Promise<Found<EncodedArgs>> => {
    if ('error' in found) return found;
    const { args } = found;
    // Text was not sealed.
    if (!vault.strict && !(args instanceof Uint8Array)) return found;
    const bytes = args instanceof Uint8Array ? args : Buffer.from(args.json);
    return opened(vault, callId, limit, args, bytes);
  };
  if (envelope.sealed !== undefined) return open({ args: Buffer.from(envelope.sealed, 'base64') });
  if (envelope.args !== null) return open({ args: { json: envelope.args } });
  return storedArgs(client, keys, callId, envelope, readLimit(limit)).then(open);
};

const opened = async (
  vault: Vault,
  callId: string,
  limit: number,
  args: EncodedArgs,
  bytes: Uint8Array,
): Promise<Found<EncodedArgs>> => {
  try {
    const plain = await vault.open(bytes, { callId, kind: 'arguments', limit });
    return { args: plain === bytes ? args : plain };
  } catch (error) {
    if (error instanceof FlameError) return { error };
    throw error;
  }
};

const storedArgs = async (
  client: RedisClient,
  keys: PoolKeys,
  callId: string,
  envelope: Envelope,
  most: number,
): Promise<Found<EncodedArgs>> => {
  // A size asked for beforehand would cost a round trip, and could be another one by then.
  const ask = (by: Redis): Promise<Buffer> => by.getrangeBuffer(keys.args(callId), 0, most);
  const bytes = (await readLarge(client, ask, borrowMemory)) ?? NOTHING;
  if (bytes.length > most) return { error: tooLarge(callId, bytes.length, most) };
  if (bytes.length === 0) {
    return {
      error: new FlameDataLossError(`call ${callId}: its arguments (${envelope.size} bytes) are no longer in Redis`, {
        callId,
      }),
    };
  }
  // The signature of the envelope covers the digest, and the digest the bytes.
  if (digestOf(bytes) !== envelope.digest) {
    return {
      error: new FlameUntrustedError(`call ${callId}: its arguments in Redis are not the ones that its caller sent`, {
        callId,
      }),
    };
  }
  return { args: bytes };
};

const NOTHING = Buffer.alloc(0);
