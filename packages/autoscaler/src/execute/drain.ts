/**
 * The drain handshake, from the autoscaler's side: the record first, then the order in the runner's hash; the runner's
 * acknowledgement is seen by the next observations.
 */
import type { Action } from '../plan/action.ts';
import type { PoolContext } from '../pool-context.ts';
import type { IntentRecord } from '../record/intent.ts';
import { commit } from './commit.ts';

type DrainAction = Extract<Action, { kind: 'drain' }>;

export const drainOne = async (ctx: PoolContext, record: IntentRecord, action: DrainAction): Promise<void> => {
  if (action.askIdleMs !== null && (await isKept(ctx, record, action.askIdleMs))) return;
  const now = ctx.term.now();
  const generation = record.generation + 1;
  const draining: IntentRecord = {
    ...record,
    state: 'draining',
    stateSince: now,
    reason: action.reason,
    generation,
    drain: {
      cause: action.cause,
      reason: action.reason,
      generation,
      since: now,
      deadlineAt: action.deadlineMs === null ? null : now + action.deadlineMs,
      acknowledged: false,
      ...(action.order === undefined ? {} : { order: action.order }),
    },
    // Whoever orders a drain means it, whatever was ordered before.
    protectedUntil: action.cause === 'operator' || action.cause === 'shutdown' ? null : record.protectedUntil,
  };
  if (!(await commit(ctx, { save: [draining] }))) return;
  ctx.emit({
    type: 'runner.draining',
    runnerId: record.runnerId,
    reason: action.reason,
    details: { cause: action.cause, generation },
  });
  await orderDrain(ctx, draining);
};

/** Gives the order that the record holds; also again, when the runner's hash does not show it. */
export const orderDrain = async (ctx: PoolContext, record: IntentRecord): Promise<void> => {
  if (record.drain === null) return;
  const { runnerId, drain } = record;
  const order = { runnerId, generation: drain.generation, reason: drain.reason };
  const result = await ctx.store.orderDrain(record.pool, ctx.term.epoch, order);
  if (result === 'fenced') ctx.term.depose('an order was refused');
};

export const reactivateOne = async (ctx: PoolContext, record: IntentRecord, reason: string): Promise<void> => {
  const result = await ctx.store.reactivate(record.pool, ctx.term.epoch, record.runnerId);
  if (result === 'fenced') ctx.term.depose('an order was refused');
  // It has acknowledged in the meantime: the next tick sees that and ends it.
  if (result !== 'reactivated') return;
  const back: IntentRecord = { ...record, state: 'ready', stateSince: ctx.term.now(), reason, drain: null };
  if (!(await commit(ctx, { save: [back] }))) return;
  ctx.emit({ type: 'runner.ready', runnerId: record.runnerId, reason: `taken back from draining: ${reason}` });
};

/** A function that fails must not keep machines for ever, and draining an idle runner harms no call. */
const isKept = async (ctx: PoolContext, record: IntentRecord, idleMs: number): Promise<boolean> => {
  const unless = ctx.pool.idleUnless;
  if (unless === undefined) return false;
  const info = { pool: record.pool, runnerId: record.runnerId, idleMs };
  const keep = await ctx.hooks.ask('idleShutdownAfter.unless', unless, info, false);
  if (keep) ctx.memory.kept.set(record.runnerId, ctx.term.now() + ctx.memory.effective.idleShutdownAfterMs);
  return keep;
};
