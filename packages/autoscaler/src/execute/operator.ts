/** The parts of operators' orders that are neither a drain nor a termination. */
import type { StandingOrder } from '@flamejs/protocol';
import type { Action } from '../plan/action.ts';
import type { PoolContext } from '../pool-context.ts';
import type { IntentRecord } from '../record/intent.ts';
import { commit } from './commit.ts';

type ProtectAction = Extract<Action, { kind: 'protect' }>;

export const protectOne = async (
  ctx: PoolContext,
  record: IntentRecord,
  { until, reason }: ProtectAction,
): Promise<void> => {
  if (!(await commit(ctx, { save: [{ ...record, protectedUntil: until }] }))) return;
  ctx.emit({ type: 'runner.protected', runnerId: record.runnerId, reason, details: { until } });
};

export const fulfil = async (ctx: PoolContext, order: StandingOrder): Promise<void> => {
  const result = await ctx.store.fulfil(ctx.pool.name, ctx.term.epoch, order);
  if (result === 'fenced') ctx.term.depose('an order was refused');
};
