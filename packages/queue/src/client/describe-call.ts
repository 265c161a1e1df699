/** What a request looks like in Redis, before it has an id and a signature: an envelope, and what the accept script needs. */
import { createHmac } from 'node:crypto';
import { encode, packPayload } from '@flamejs/protocol/codec';
import { digestOf, ENVELOPE_VERSION, type Envelope, INLINE_ARGS_BYTES, placeSealed } from '@flamejs/protocol/envelope';
import { describeLimits, gateOf, wordsOf } from '@flamejs/protocol/limits';
import type { About, Vault } from '@flamejs/protocol/payload/vault';
import type { AcceptedCall } from '@flamejs/protocol/store/call-store';
import type { AppConfig } from '../config/types.ts';
import type { ResolvedCallOptions } from '../types.ts';
import type { CallRequest } from './caller.ts';

export interface DescribedCall {
  readonly call: Omit<AcceptedCall, 'id' | 'data' | 'largeArgs'>;
  readonly envelope: Envelope;
  readonly largeArgs: Uint8Array | undefined;
}

export interface Describer {
  readonly config: AppConfig;
  readonly callerId: string;
  /** Host and process of the caller, for people. */
  readonly by: string;
  /** `undefined` when this app seals nothing. */
  readonly sealed: SealedParts | undefined;
}

/** What of a request nobody is to read in Redis. */
export interface SealedParts {
  /** The packed arguments. */
  readonly args: Uint8Array;
  /** The texts of its limits' keys, as base64; `undefined` without limits. */
  readonly keys: string | undefined;
}

/** Pure. */
export const describeCall = (
  request: CallRequest,
  { config, callerId, by, sealed: parts }: Describer,
): DescribedCall => {
  const { pool, functionName, payload, payloadSize, options, limits = [] } = request;
  const sealed = parts?.args;
  const inline = payload.parts.length === 0 && payloadSize <= INLINE_ARGS_BYTES;
  const packed = inline ? undefined : (request.packed ?? packPayload(payload));
  const failOnLoss = options.onRunnerLost === 'fail';
  const envelope: Envelope = {
    v: ENVELOPE_VERSION,
    fn: functionName,
    release: config.release,
    ...(request.scope === undefined ? {} : { scope: request.scope }),
    args: inline && sealed === undefined ? payload.json : null,
    ...(packed === undefined ? {} : { digest: digestOf(packed) }),
    size: payloadSize,
    by,
    ...(request.line === undefined ? {} : { line: request.line }),
    ...(limits.length === 0 ? {} : { limits: signedLimits(functionName, limits, sealed !== undefined) }),
    ...(request.trace === undefined ? {} : { trace: request.trace }),
    opts: {
      timeoutMs: options.timeoutMs,
      retries: options.retries,
      failOnLoss,
      ...(pool.releasePolicy === 'strict' ? { strict: true as const } : {}),
      resultTtlMs: options.resultTtlMs,
      failedTtlMs: options.failedTtlMs,
      ...(options.backoff === undefined ? {} : { backoff: options.backoff }),
      ...(request.stream === undefined
        ? {}
        : { stream: { ...request.stream, owner: request.kind === 'call' ? callerId : '' } }),
    },
  };
  const fingerprintOf = (): string => {
    const text = `${functionName}\n${envelope.digest ?? digestOf(Buffer.from(payload.json))}`;
    // A plain digest of few possible values would tell which it is.
    const { signingKey } = config;
    return sealed === undefined || signingKey === undefined ? digestOf(Buffer.from(text)) : hmacOf(text, signingKey);
  };
  const call: DescribedCall['call'] = {
    name: functionName,
    delayMs: options.delayMs,
    priority: options.priority,
    fingerprint: options.id === undefined ? '' : fingerprintOf(),
    waiter: request.kind === 'call' ? callerId : '',
    queueTimeoutMs: options.queueTimeoutMs ?? 0,
    deadlineInMs: options.deadlineInMs ?? 0,
    deadlineAt: options.deadlineAt ?? 0,
    resultTtlMs: options.resultTtlMs,
    failedTtlMs: options.failedTtlMs,
    failOnLoss,
    maxPending: pool.maxPending,
    release: config.release,
    link: request.endsWith ?? (options.link === true ? callerId : ''),
    awaitedBy: request.kind === 'call' ? (request.line?.above.at(-1) ?? '') : '',
    limits: describeLimits(functionName, limits, parts?.keys),
  };
  return sealed === undefined ? { call, envelope, largeArgs: packed } : { call, ...placeSealed(envelope, sealed) };
};

/** @returns the parts of a request that are sealed, by a vault that seals */
export const sealParts = async (
  { functionName, payload, packed = packPayload(payload), limits = [] }: CallRequest,
  vault: Vault,
  about: About,
): Promise<SealedParts> => {
  const args = await vault.seal(packed, about);
  if (limits.length === 0) return { args, keys: undefined };
  const keys = await vault.seal(packPayload(encode(wordsOf(functionName, limits))), about);
  return { args, keys: Buffer.from(keys).toString('base64') };
};

const signedLimits = (
  functionName: string,
  limits: NonNullable<CallRequest['limits']>,
  isSealed: boolean,
): NonNullable<Envelope['limits']> =>
  wordsOf(functionName, limits).map(({ label, key }, at) => ({
    gate: gateOf(functionName, limits[at] as (typeof limits)[number]),
    label,
    ...(key === undefined || isSealed ? {} : { key }),
  }));

const hmacOf = (text: string, key: string): string => createHmac('sha256', key).update(text).digest('base64url');

/** Only to know when to look; the deadline itself is kept by Redis' clock. */
export const deadlineInMs = (options: ResolvedCallOptions): number =>
  options.deadlineInMs ??
  (options.deadlineAt === undefined ? Number.POSITIVE_INFINITY : Math.max(0, options.deadlineAt - Date.now()));
