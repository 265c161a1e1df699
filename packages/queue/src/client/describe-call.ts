/** What a request looks like in Redis, before it has an id and a signature: an envelope, and what the accept script needs. */
import { createHmac } from 'node:crypto';
import { packPayload } from '@flamejs/protocol/codec';
import { digestOf, ENVELOPE_VERSION, type Envelope, INLINE_ARGS_BYTES, placeSealed } from '@flamejs/protocol/envelope';
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
  /** The packed arguments, sealed; `undefined` when this app seals nothing. */
  readonly sealed: Uint8Array | undefined;
}

/** Pure. */
export const describeCall = (request: CallRequest, { config, callerId, by, sealed }: Describer): DescribedCall => {
  const { pool, functionName, payload, payloadSize, options } = request;
  const inline = payload.parts.length === 0 && payloadSize <= INLINE_ARGS_BYTES;
  const packed = inline ? undefined : packPayload(payload);
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
    ...(request.trace === undefined ? {} : { trace: request.trace }),
    opts: {
      timeoutMs: options.timeoutMs,
      retries: options.retries,
      failOnLoss,
      ...(pool.releasePolicy === 'strict' ? { strict: true as const } : {}),
      resultTtlMs: options.resultTtlMs,
      failedTtlMs: options.failedTtlMs,
      ...(options.backoff === undefined ? {} : { backoff: options.backoff }),
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
  };
  return sealed === undefined ? { call, envelope, largeArgs: packed } : { call, ...placeSealed(envelope, sealed) };
};

const hmacOf = (text: string, key: string): string => createHmac('sha256', key).update(text).digest('base64url');

/** Only to know when to look; the deadline itself is kept by Redis' clock. */
export const deadlineInMs = (options: ResolvedCallOptions): number =>
  options.deadlineInMs ??
  (options.deadlineAt === undefined ? Number.POSITIVE_INFINITY : Math.max(0, options.deadlineAt - Date.now()));
