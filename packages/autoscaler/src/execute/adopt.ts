/** Giving an instance of ours that has no record one: to keep it, or to end it. */
import type { Action } from '../plan/action.ts';
import type { PoolContext } from '../pool-context.ts';
import { type IntentRecord, newIntent } from '../record/intent.ts';

type AdoptAction = Extract<Action, { kind: 'adopt' }>;

/** It exists already, so no bound applies; what is too much is drained afterwards. */
export const adoptOne = async (
  ctx: PoolContext,
  action: AdoptAction,
  release: string,
  slots: number,
): Promise<void> => {
  const { instance, reason } = action;
  const from = {
    runnerId: instance.runnerId,
    pool: ctx.pool.name,
    backend: ctx.backend.name,
    release,
    slots,
    env: {},
    reason,
  };
  const fresh = newIntent(from, ctx.term.now());
  const record: IntentRecord = {
    ...fresh,
    instanceId: instance.id,
    location: instance.location ?? null,
    details: instance.details ?? {},
    launch: { ...fresh.launch, outcome: 'accepted', acceptedAt: ctx.term.now() },
    ...(action.as === 'runner' ? { state: 'booting' } : { state: 'terminating', grounds: 'orphan' }),
  };
  const infinite = Number.POSITIVE_INFINITY;
  const result = await ctx.store.reserve(ctx.term.epoch, [record], { max: infinite, quota: infinite });
  if (result === 'fenced') ctx.term.depose('an adoption was refused');
  else if (result.length > 0) {
    ctx.emit({
      type: 'runner.adopted',
      runnerId: record.runnerId,
      reason,
      details: { as: action.as, instanceId: instance.id },
    });
  }
};
