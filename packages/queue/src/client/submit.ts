/**
 * A call's way into Redis. Whoever waits for it is registered before it is sent, for the reply may be faster than the
 * acknowledgement. Nothing is awaited where nothing has to be: a small call is handed to its batch in the turn in which it is made.
 */
import { signEnvelope } from '@flamejs/protocol/envelope';
import { FlameClosedError, FlameUnavailableError } from '@flamejs/protocol/errors';
import type { About, Vault } from '@flamejs/protocol/payload/vault';
import type { Acceptance, AcceptedCall } from '@flamejs/protocol/store/call-store';
import type { AppConfig, PoolConfig } from '../config/types.ts';
import type { AcceptBatch } from './accept-batch.ts';
import type { CallRequest, PoolClient } from './caller.ts';
import { type DescribedCall, deadlineInMs, describeCall, sealParts } from './describe-call.ts';
import type { Link } from './link.ts';
import { FIRST_LOOK_MS, type PendingCalls, type Settler } from './pending.ts';
import type { Presence } from './presence.ts';
import type { Recall } from './recall.ts';
import { refusedCall } from './refused-call.ts';
import type { Sweep } from './sweep.ts';

export interface Submitting {
  readonly config: AppConfig;
  readonly callerId: string;
  /** Host and process, for people. */
  readonly by: string;
  readonly link: Link;
  readonly vault: Vault;
  readonly pending: PendingCalls;
  readonly sweep: Sweep;
  readonly presence: Presence;
  readonly recall: Recall;
  readonly accepting: AcceptBatch;
  readonly poolOf: (pool: PoolConfig) => PoolClient;
  readonly isClosed: () => boolean;
  readonly classify: (error: unknown, callId: string) => unknown;
  /** Looks at once whether a call has an outcome. */
  readonly look: (callId: string, client: PoolClient) => Promise<void>;
}

export interface Submit {
  /** @returns the call's id once Redis has it. `settler`, when given, is told of the outcome */
  submit(request: CallRequest, settler: Settler | undefined, callId: string): Promise<string>;
  /** The same for a call that is awaited; what stands in its way is told to the settler, too. Never throws. */
  begin(request: CallRequest, settler: Settler, callId: string): void;
  /** A request as it goes to Redis, before it has an id and a signature; its arguments sealed for whoever it is about. */
  describe(request: CallRequest, about: About): Promise<DescribedCall>;
}

export const createSubmit = (shared: Submitting): Submit => {
  const { config, callerId, by, link, vault, pending, sweep, presence, recall, accepting, poolOf } = shared;

  const check = (pool: PoolConfig): void => {
    if (shared.isClosed()) throw new FlameClosedError('this flame object has been closed');
    link.admission.check(pool.name);
  };

  /** Somebody finds out by it whether this process is still there: whoever cancels its calls, or holds back what it reads. */
  const isLinkedHere = ({ options, endsWith, stream }: CallRequest): boolean =>
    stream !== undefined || (options.link === true && endsWith === undefined);

  const describe = async (request: CallRequest, about: About): Promise<DescribedCall> =>
    describeCall(request, { config, callerId, by, sealed: await sealParts(request, vault, about) });

  const unsealed = (request: CallRequest): DescribedCall =>
    describeCall(request, { config, callerId, by, sealed: undefined });

  const signed = (described: DescribedCall, { options }: CallRequest, id: string): AcceptedCall => {
    const { call, envelope, largeArgs } = described;
    const { signingKey } = config;
    const whole =
      signingKey === undefined
        ? envelope
        : signEnvelope({ ...envelope, at: link.now() + options.delayMs }, id, config.app, signingKey);
    // Not spread: V8 gives each spread of so many properties a hidden class of its own, 500 bytes for each call that is held.
    return Object.assign(call, { id, largeArgs, data: JSON.stringify(whole) });
  };

  const enter = (
    request: CallRequest,
    call: AcceptedCall,
    settler: Settler | undefined,
    done: (error?: unknown) => void,
  ): void => {
    const { pool, options, kind } = request;
    const client = poolOf(pool);
    const stillLimitMs =
      kind === 'call' && options.queueTimeoutMs === undefined ? pool.bootTimeoutMs + 30_000 : undefined;
    const ownBoundMs = Math.min(options.queueTimeoutMs ?? Number.POSITIVE_INFINITY, deadlineInMs(options));
    const bounded = ownBoundMs !== Number.POSITIVE_INFINITY;
    // An id of the user's own may be refused, and its stream may still hold an outcome that is not for this call.
    const asking = options.id !== undefined;
    const entry =
      settler === undefined ? undefined : pending.add(call.id, pool.name, settler, { stillLimitMs, bounded, asking });
    if (settler !== undefined) client.replies.wake();
    accepting.add(pool.name, call, (acceptance, error) => {
      const refusal = refusalOf(acceptance, error, call.id, pool);
      if (refusal !== undefined) {
        if (settler !== undefined) pending.remove(call.id, settler);
        done(refusal.error);
        return;
      }
      client.kick.send();
      if (entry === undefined || settler === undefined) {
        sweep.held.keep(call.id, call);
        done();
        return;
      }
      pending.accepted(call.id, settler);
      const lookInMs = Math.min(FIRST_LOOK_MS, options.delayMs + ownBoundMs);
      entry.lookAt = Math.min(entry.lookAt, performance.now() + lookInMs);
      // Its reply may have been here first.
      if (pending.get(call.id) !== undefined) sweep.held.hold(call.id, call);
      sweep.start(lookInMs);
      // Somebody may have made this call before, and its outcome may have been announced before we were listening.
      if (asking) shared.look(call.id, client).then(() => done(), done);
      else done();
    });
  };

  const refusalOf = (
    acceptance: Acceptance | undefined,
    error: unknown,
    callId: string,
    pool: PoolConfig,
  ): { readonly error: unknown } | undefined => {
    if (acceptance === 'accepted') return undefined;
    if (acceptance !== undefined) return { error: refusedCall(acceptance, callId, pool) };
    const refusal = shared.classify(error, callId);
    // It may be in Redis, and nobody waits for it any more: take it back as soon as Redis answers, if it has not started.
    if (refusal instanceof FlameUnavailableError && refusal.enqueued === 'unknown') recall.add(callId, pool.name);
    return { error: refusal };
  };

  const submit: Submit['submit'] = async (request, settler, callId) => {
    const { pool } = request;
    check(pool);
    if (isLinkedHere(request)) await presence.announce(pool.name);
    const listening = settler === undefined ? undefined : poolOf(pool).replies.listening();
    const described = vault.seals ? await describe(request, { callId, kind: 'arguments' }) : unsealed(request);
    const call = signed(described, request, callId);
    if (listening !== undefined) await listening;
    return new Promise((resolve, reject) => {
      enter(request, call, settler, (error) => (error === undefined ? resolve(callId) : reject(error)));
    });
  };

  return {
    submit,
    begin(request, settler, callId) {
      const refused = (error: unknown): void => settler.reject(error);
      const waits = vault.seals || isLinkedHere(request) || poolOf(request.pool).replies.listening() !== undefined;
      if (waits) {
        submit(request, settler, callId).catch(refused);
        return;
      }
      try {
        check(request.pool);
        enter(request, signed(unsealed(request), request, callId), settler, (error) => {
          if (error !== undefined) refused(error);
        });
      } catch (error) {
        refused(error);
      }
    },
    describe: async (request, about) => (vault.seals ? describe(request, about) : unsealed(request)),
  };
};
