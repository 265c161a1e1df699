/**
 * Makes calls: encodes, accepts in one round trip, and awaits outcomes. One per flame object; one pool client per pool
 * in use.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { newCallId, userCallId } from '@flamejs/protocol/call-id';
import type { Payload } from '@flamejs/protocol/codec';
import type { Descent } from '@flamejs/protocol/descent';
import { FlameClosedError, FlameUnavailableError } from '@flamejs/protocol/errors';
import { appKeys, type PoolKeys, poolKeys } from '@flamejs/protocol/keys';
import type { CallLimit } from '@flamejs/protocol/limits';
import type { Outcome } from '@flamejs/protocol/outcome';
import { type About, after, createVault, type Vault } from '@flamejs/protocol/payload/vault';
import { lookupCall } from '@flamejs/protocol/store/redis-outcomes';
import type { TraceCarrier } from '@flamejs/protocol/trace-carrier';
import type { Logger } from 'pino';
import type { AppConfig, PoolConfig } from '../config/types.ts';
import type { ResolvedCallOptions } from '../types.ts';
import { createAcceptBatch } from './accept-batch.ts';
import { type Channels, createChannels } from './channels.ts';
import { classifyRefusal } from './classify-refusal.ts';
import { deliveredError } from './delivered-error.ts';
import { createDeliveries } from './deliveries.ts';
import type { DescribedCall } from './describe-call.ts';
import { createKick, type Kick } from './kick.ts';
import { createLink, type Link } from './link.ts';
import { openOutcome } from './opened-outcome.ts';
import { createPendingCalls, FIRST_LOOK_MS, noteLook, type PendingCalls, type Settler } from './pending.ts';
import { createPresence } from './presence.ts';
import { createRecall, type Recall } from './recall.ts';
import { createReplies, type PoolReplies } from './replies.ts';
import { createSubmit } from './submit.ts';
import { createSweep, type Sweep } from './sweep.ts';

export interface CallRequest {
  readonly pool: PoolConfig;
  readonly functionName: string;
  readonly payload: Payload;
  /** The same as one run of bytes, where it has parts: taken when the call was made, for the parts are the application's memory. */
  readonly packed?: Buffer;
  readonly payloadSize: number;
  readonly options: ResolvedCallOptions;
  /** `call` waits by the default bound of rulings section 2, `cast` has none. */
  readonly kind: 'call' | 'cast';
  /** What the secrets among its arguments are sealed for, when that is not the call itself. */
  readonly scope?: string;
  /** Of a call that a function makes. */
  readonly line?: Descent;
  /** What it is under; without it, nothing. */
  readonly limits?: readonly CallLimit[];
  /** What it yields is wanted, or kept for those who attach. */
  readonly stream?: { readonly resumable: boolean };
  /** Where it belongs among traces. */
  readonly trace?: TraceCarrier | undefined;
  /** The call with whose present attempt it ends; without it, `link` means this process. */
  readonly endsWith?: string;
}

export interface PoolClient {
  readonly config: PoolConfig;
  readonly keys: PoolKeys;
  readonly replies: PoolReplies;
  readonly kick: Kick;
}

export interface Caller {
  readonly id: string;
  readonly link: Link;
  readonly vault: Vault;
  /** Accepts a call. @returns its id once Redis has it. `settler`, when given, is told of the outcome */
  submit(request: CallRequest, settler?: Settler, callId?: string): Promise<string>;
  /** As `submit`, for a call that is awaited: what stands in its way is told to the settler, too. Never throws. */
  begin(request: CallRequest, settler: Settler, callId: string): void;
  /** The id that a request will have, before it is sent. */
  idOf(pool: PoolConfig, options: ResolvedCallOptions): string;
  /** Waits for a call that somebody has accepted before. */
  join(callId: string, pool: PoolConfig, settler: Settler): Promise<void>;
  leave(callId: string, settler: Settler): void;
  /** A request as it goes to Redis, before it has an id and a signature; its arguments sealed for whoever it is about. */
  describe(request: CallRequest, about: About): Promise<DescribedCall>;
  pool(config: PoolConfig): PoolClient;
  readonly recall: Recall;
  /** Channels of calls' progress. */
  readonly channels: Channels;
  close(): Promise<void>;
}

export const createCaller = (config: AppConfig, logger: Logger): Caller => {
  const pushes = config.redis.kind !== 'cluster';
  // Scripts push to whom begins with `p`.
  const callerId = `${pushes ? 'p' : 's'}${randomBytes(12).toString('hex')}`;
  const by = `${hostname()}/${process.pid}`;
  const link = createLink(config, logger);
  const vault = createVault(config);
  const pending: PendingCalls = createPendingCalls(link.alive);
  const pools = new Map<string, PoolClient>();
  const keysOf = (pool: string): PoolKeys => poolKeys(config.prefix, config.app, pool);
  const accepting = createAcceptBatch(link, keysOf, (pool) => ({
    onUnread: () => pools.get(pool)?.replies.noteUnread(),
  }));
  const recall = createRecall(link, keysOf, vault, logger);
  const sweep: Sweep = createSweep({
    config,
    link,
    vault,
    pending,
    settle: (pool, callId, outcome) => settle(pool, callId, outcome),
    callerId,
    poolOf: (name) => pools.get(name),
    logger,
  });
  const presence = createPresence(link, (pool) => keysOf(pool).caller(callerId), logger);
  const deliveries = createDeliveries(link, keysOf, callerId, by, logger);
  const replies = createReplies({
    link,
    app: config.app,
    waiter: callerId,
    pushes,
    wanted: (pool) => (pool === undefined ? pending.size : pending.count(pool)) > 0,
    onGap: () => sweep.afterReconnect(true),
    logger,
  });
  let closed = false;
  link.onReconnect((sameServer) => sweep.afterReconnect(sameServer));

  const classify = (error: unknown, callId: string): unknown => classifyRefusal(error, callId, link.admission.memory);

  const poolClient = (pool: PoolConfig): PoolClient => {
    const known = pools.get(pool.name);
    if (known !== undefined) return known;
    const keys = keysOf(pool.name);
    const made: PoolClient = {
      config: pool,
      keys,
      replies: replies.pool(keys, {
        onOutcome: (callId, outcome: Outcome) => settle(pool.name, callId, outcome),
        onRemoved: (callId) => pending.fail(callId, sweep.removedError(callId, true)),
      }),
      kick: createKick(link, appKeys(config.prefix, config.app), pool.name),
    };
    pools.set(pool.name, made);
    return made;
  };

  /** Opened first, where anything is sealed. What is not awaited, or is of an earlier generation, is left as it is. */
  const settle = (pool: string, callId: string, outcome: Outcome): void => {
    const { generation } = outcome;
    const tell = (opened: Outcome): void => {
      const read = pending.settle(callId, opened);
      if (pending.get(callId) === undefined) sweep.held.drop(callId);
      if (outcome.awaited) deliveries.add(pool, { callId, generation, read });
    };
    const entry = pending.get(callId);
    // Nobody waits for it any more.
    if (entry === undefined || generation < entry.generation) {
      tell(outcome);
      return;
    }
    const opened = openOutcome(vault, callId, outcome, config.pools[pool]?.payloadLimit);
    void after(opened, tell);
  };

  const idOf = (pool: PoolConfig, options: ResolvedCallOptions): string =>
    options.id === undefined ? newCallId(pool.name) : userCallId(pool.name, options.id);

  const lookNow = async (callId: string, client: PoolClient): Promise<void> => {
    const found = await lookupCall(await link.client(), client.keys, callId, callerId);
    if (found.state === 'settled') settle(client.config.name, callId, found.outcome);
    if (found.state === 'pending') {
      const entry = pending.get(callId);
      if (entry !== undefined) noteLook(entry, found);
    }
    if (found.state === 'delivered') pending.fail(callId, deliveredError(callId, found));
    if (found.state === 'missing') await sweep.vanished(callId);
  };

  /** When Redis goes away just then, the call is as it was, and the sweep looks again. A Redis never reached is an error. */
  const firstLook = async (callId: string, client: PoolClient): Promise<void> => {
    try {
      await lookNow(callId, client);
    } catch (error) {
      const cause = classify(error, callId);
      if (!(cause instanceof FlameUnavailableError) || !link.known) throw cause;
      logger.debug({ err: error, callId }, 'looking for a call failed; the sweep looks again');
    }
  };

  const { submit, begin, describe } = createSubmit({
    config,
    callerId,
    by,
    link,
    vault,
    pending,
    sweep,
    presence,
    recall,
    accepting,
    poolOf: poolClient,
    isClosed: () => closed,
    classify,
    look: firstLook,
  });

  return {
    id: callerId,
    link,
    vault,
    recall,
    channels: createChannels(link, `flame:${config.app}:progress`),
    idOf,
    describe,
    submit: (request, settler, callId = idOf(request.pool, request.options)) => submit(request, settler, callId),
    begin,
    pool: poolClient,
    async join(callId, pool, settler) {
      if (closed) throw new FlameClosedError('this flame object has been closed');
      const client = poolClient(pool);
      const entry = pending.add(callId, pool.name, settler);
      sweep.held.join(callId);
      client.replies.wake();
      try {
        await client.replies.listening();
        await firstLook(callId, client);
      } catch (error) {
        pending.remove(callId, settler);
        throw error;
      }
      const lookInMs = entry.bounded ? 0 : FIRST_LOOK_MS;
      entry.lookAt = Math.min(entry.lookAt, performance.now() + lookInMs);
      sweep.start(lookInMs);
    },
    leave(callId, settler) {
      pending.remove(callId, settler);
    },
    async close() {
      if (closed) return;
      closed = true;
      await recall.flush();
      await deliveries.flush();
      await presence.end();
      sweep.stop();
      replies.stop();
      pending.failAll(
        (callId) =>
          new FlameClosedError(
            `call ${callId}: the flame object that waited for it was closed; the call itself goes on`,
            { callId },
          ),
      );
      link.close();
    },
  };
};
