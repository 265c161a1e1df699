/** The arguments of a call: in its envelope, or in a key of their own. They stay bytes here. */
import { FlameDataLossError, type FlameError, FlameUntrustedError } from '@flamejs/queue/errors';
import { digestOf, type Envelope, type PoolKeys, type RedisClient } from '@flamejs/queue/protocol';
import type { EncodedArgs } from './executor/index.ts';

/** @returns the arguments, or the error with which the call ends. */
export const fetchArgs = async (
  client: RedisClient,
  keys: PoolKeys,
  callId: string,
  envelope: Envelope,
): Promise<{ readonly args: EncodedArgs } | { readonly error: FlameError }> => {
  if (envelope.args !== null) return { args: { json: envelope.args } };
  const bytes = await client.getBuffer(keys.args(callId));
  if (bytes === null) {
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
