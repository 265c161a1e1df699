/**
 * The calls of an app in this process: a store in memory for each pool, a runner that executes them, and what the autoscaler does for
 * calls that nobody is busy with. No message can be lost, so nothing is looked at twice.
 */
import { cancelCall } from '@flamejs/protocol/end-call';
import { endWaiting } from '@flamejs/protocol/end-waiting';
import { FlameClosedError, FlameRemovedError } from '@flamejs/protocol/errors';
import { decideExpiry } from '@flamejs/protocol/expiry';
import type { PoolStatus } from '@flamejs/protocol/explain';
import type { Outcome } from '@flamejs/protocol/outcome';
import { noVault } from '@flamejs/protocol/payload/vault';
import { createMemoryStore, type MemoryStore } from '@flamejs/protocol/store/memory/memory-store';
import { createUpkeep } from '@flamejs/protocol/upkeep';
import type { AppConfig, PoolConfig } from '../config/types.ts';
import type { CallPlace, NoteListener } from './call-place.ts';
import type { CallRequest } from './caller.ts';
import { deliveredError } from './delivered-error.ts';
import { describeCall } from './describe-call.ts';
import { type InlineCall, itemsOf } from './inline-calls.ts';
import { inlineHooks } from './inline-hooks.ts';
import { createInlineRunner, type InlineRunner } from './inline-runner.ts';
import { createPendingCalls, type Settler } from './pending.ts';
import { refusedCall } from './refused-call.ts';

/** Who waits for the calls of this process; no message ever names another. */
const WAITER = 'here';

export interface InlinePlace extends CallPlace {
  get(id: string): InlineCall | undefined;
  /** @returns the call once it is accepted, and whether it is new. @throws FlameIdConflictError, FlameQueueFullError */
  accept(id: string, request: CallRequest, settler: Settler | undefined): Promise<InlineCall>;
  close(): void;
}

interface Pool {
  readonly config: PoolConfig;
  readonly store: MemoryStore;
  readonly runner: InlineRunner;
}

export const createInlinePlace = (config: AppConfig): InlinePlace => {
  const calls = new Map<string, InlineCall>();
  const pools = new Map<string, Pool>();
  const followers = new Map<string, Set<NoteListener>>();
  const pending = createPendingCalls();
  const closing = new AbortController();
  const by = `inline/${process.pid}`;

  const removed = (callId: string): FlameRemovedError =>
    new FlameRemovedError(`call ${callId} is not known in this process (inline mode)`, { callId });

  const deliver = (store: MemoryStore, callId: string, outcome: Outcome): void => {
    const read = pending.settle(callId, outcome);
    const { generation } = outcome;
    if (outcome.awaited) void store.acknowledge(WAITER, by, [{ callId, generation, read }]);
  };

  const statusOf = (pool: PoolConfig): PoolStatus => {
    const bootFailure = inlineHooks().bootFailure(pool.name);
    const has = bootFailure === undefined;
    const now = inlineHooks().now();
    return {
      min: pool.min,
      max: pool.max,
      maxConcurrency: pool.maxConcurrency,
      backend: 'inline',
      bootTimeoutMs: pool.bootTimeoutMs,
      at: now,
      physical: has ? 1 : 0,
      ready: has ? 1 : 0,
      booting: 0,
      ...(has ? {} : { bootFailure, bootFailedAt: now, unbootable: true }),
    };
  };

  /** Whoever awaits a call of a pool without runners is told why; what was cast waits until there are some. */
  const endStranded = async ({ config: pool, store }: Pool): Promise<void> => {
    const status = statusOf(pool);
    for (const { id, request } of calls.values()) {
      if (request.pool.name !== pool.name || request.kind !== 'call') continue;
      const call = store.see(id);
      const decision = decideExpiry(call, { limitMs: pool.bootTimeoutMs, watchedMs: 0 }, status);
      if (decision.kind !== 'keep')
        await endWaiting(store, { callId: id, pool: pool.name, call, decision, status }, noVault);
    }
  };

  const poolOf = (pool: PoolConfig): Pool => {
    const known = pools.get(pool.name);
    if (known !== undefined) return known;
    const made = open(pool);
    pools.set(pool.name, made);
    return made;
  };

  const open = (pool: PoolConfig): Pool => {
    const { name } = pool;
    const canRun = (): boolean => inlineHooks().bootFailure(name) === undefined;
    const store = createMemoryStore({
      now: () => inlineHooks().now(),
      later: (fn, ms) => void inlineHooks().timer(fn, ms).unref(),
      // A runner that is this process is not lost without it.
      lockMs: Number.POSITIVE_INFINITY,
      runners: () => (canRun() ? 1 : 0),
      onTold(_waiter, { callId, generation, head, body, awaited }) {
        if (head === undefined || body === undefined) pending.fail(callId, removed(callId));
        else deliver(store, callId, { generation, head, body, awaited });
      },
      onWork: () => runner.look(),
      onCancel: (callId, reason) => runner.stop(callId, { kind: 'cancel', reason }),
      onProgress(callId, note) {
        for (const listener of followers.get(callId) ?? []) listener.onMessage(Buffer.from(note));
      },
      onBound(inMs) {
        inlineHooks()
          .timer(() => void upkeep.expire(), inMs)
          .unref();
      },
      onEnded(callId, generation, head) {
        const call = calls.get(callId);
        if (call === undefined) return;
        call.ended = { generation, head };
        for (const listener of [...call.listeners]) listener();
      },
      onForgotten: (callId) => void calls.delete(callId),
    });
    const upkeep = createUpkeep({ store, pool: name, vault: noVault, status: async () => statusOf(pool) });
    let isWaiting = false;
    const hasRunners = (): boolean => {
      if (canRun()) return true;
      void endStranded({ config: pool, store, runner });
      if (isWaiting) return false;
      isWaiting = true;
      void inlineHooks()
        .whenBootable(name, closing.signal)
        .then(() => {
          isWaiting = false;
          runner.look();
        });
      return false;
    };
    const runner = createInlineRunner({ config, pool, store, upkeep, callOf: (id) => calls.get(id), hasRunners });
    return { config: pool, store, runner };
  };

  /** Who waits for a reader is known here alone. */
  const withWaits = (store: MemoryStore): MemoryStore => ({
    ...store,
    inspect: async (id) => ({ ...store.see(id), waitsForReader: calls.get(id)?.items?.stream.waits === true }),
  });

  const closedError = (): FlameClosedError => new FlameClosedError('this flame object has been closed');

  const place: InlinePlace = {
    vault: noVault,
    get: (id) => calls.get(id),
    ask: async (pool, _callId, question) => question(withWaits(poolOf(pool).store)),
    poolStatus: async (pool) => statusOf(pool),
    async accept(id, request, settler) {
      if (closing.signal.aborted) throw closedError();
      const { pool, options } = request;
      inlineHooks().beforeAccept(pool.name);
      const { store } = poolOf(pool);
      const { call, envelope, largeArgs } = describeCall(request, { config, callerId: WAITER, by, sealed: undefined });
      const known = calls.get(id);
      const record: InlineCall = known ?? {
        id,
        request,
        see: () => store.see(id),
        items: itemsOf(request, 1),
        ended: undefined,
        isClosed: false,
        listeners: new Set(),
      };
      if (known === undefined) calls.set(id, record);
      const asking = options.id !== undefined;
      if (settler !== undefined) pending.add(id, pool.name, settler, { asking });
      const [acceptance] = await store.accept([{ ...call, id, largeArgs, data: JSON.stringify(envelope) }]);
      if (acceptance !== 'accepted') {
        if (settler !== undefined) pending.remove(id, settler);
        if (known === undefined) calls.delete(id);
        throw acceptance instanceof Error || acceptance === undefined ? acceptance : refusedCall(acceptance, id, pool);
      }
      if (known === undefined) inlineHooks().accepted(record);
      if (settler !== undefined && asking) {
        pending.accepted(id, settler);
        await look(id, store);
      }
      return record;
    },
    async join(callId, pool, settler) {
      if (closing.signal.aborted) throw closedError();
      pending.add(callId, pool.name, settler);
      await look(callId, poolOf(pool).store);
    },
    leave: (callId, settler) => pending.remove(callId, settler),
    cancel: (callId, pool, reason) => cancelCall(poolOf(pool).store, callId, reason, noVault),
    giveUp: (callId, pool, reason) => void place.cancel(callId, pool, reason),
    async follow(callId, _pool, listener) {
      const listeners = followers.get(callId) ?? new Set();
      followers.set(callId, listeners.add(listener));
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) followers.delete(callId);
      };
    },
    wake: (pool) => poolOf(pool).runner.look(),
    close() {
      closing.abort();
      const error = (callId: string): FlameClosedError =>
        new FlameClosedError(`call ${callId}: the flame object that ran it was closed`, { callId });
      pending.failAll(error);
      for (const { runner } of pools.values()) runner.close(error);
      for (const call of calls.values()) {
        call.isClosed = true;
        for (const listener of [...call.listeners]) listener();
      }
      calls.clear();
    },
  };

  const look = async (callId: string, store: MemoryStore): Promise<void> => {
    const found = await store.lookUp(callId, WAITER);
    if (found.state === 'settled') deliver(store, callId, found.outcome);
    if (found.state === 'delivered') pending.fail(callId, deliveredError(callId, found));
    if (found.state === 'missing') pending.fail(callId, removed(callId));
  };

  return place;
};
