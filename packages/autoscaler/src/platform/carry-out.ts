/** Parks and takes back, forgets runners that are lost, and lets those go that an earlier backend of the pool launched. */
import type { RunnerRecord } from '@flamejs/protocol';
import { commit } from '../execute/commit.ts';
import type { PoolContext } from '../pool-context.ts';
import type { IntentRecord } from '../record/intent.ts';
import type { ParkingAction } from './parking.ts';
import type { Registered } from './registered.ts';

export interface Around {
  readonly registered: readonly Registered[];
  readonly agents: ReadonlyMap<string, RunnerRecord>;
  readonly records: readonly IntentRecord[];
  readonly now: number;
}

export const carryOut = async (
  ctx: PoolContext,
  actions: readonly ParkingAction[],
  { registered, agents, records, now }: Around,
): Promise<void> => {
  for (const action of actions) ctx.begin([action.runnerId], () => act(ctx, action));
  for (const { record } of registered) {
    if (record.state !== 'lost' || ctx.memory.busy.has(record.runnerId)) continue;
    const silent = ctx.memory.watch.silentMs(record.runnerId) >= ctx.timing.lostMs;
    if (silent && ctx.memory.watch.steadyMs() >= ctx.timing.steadyMs)
      ctx.begin([record.runnerId], () => forgetLost(ctx, record.runnerId));
  }
  for (const record of records.filter(({ runnerId }) => !ctx.memory.busy.has(runnerId)))
    ctx.begin([record.runnerId], () => letGo(ctx, record, agents.get(record.runnerId), now));
};

const act = async (ctx: PoolContext, { kind, runnerId, reason }: ParkingAction): Promise<void> => {
  const { store, pool, term } = ctx;
  const result = await (kind === 'park'
    ? store.park(pool.name, term.epoch, runnerId, reason)
    : store.unpark(pool.name, term.epoch, runnerId));
  if (result === 'fenced') term.depose('an order was refused');
  if (result !== 'ordered') return;
  if (kind === 'park') ctx.emit({ type: 'runner.draining', runnerId, reason, details: { cause: 'parked' } });
  else ctx.emit({ type: 'runner.ready', runnerId, reason: `taken back from parking: ${reason}` });
};

/** Silent for long, and no call of it has a lock any more: the platform has ended it, or will find out itself. */
const forgetLost = async (ctx: PoolContext, runnerId: string): Promise<void> => {
  const { store, pool, term } = ctx;
  if ((await store.heldLocks(pool.name, runnerId)) > 0) return;
  const reason = 'no heartbeat, and no lock left: its platform has ended it';
  await ctx.housekeeping?.releaseRunner(runnerId, reason);
  if ((await store.forget(pool.name, term.epoch, runnerId, reason)) === 'fenced') term.depose('an order was refused');
  else ctx.emit({ type: 'runner.lost', runnerId, reason });
};

/** Its backend is no longer here, so it is told to end itself; when it has left, its record goes. */
const letGo = async (
  ctx: PoolContext,
  record: IntentRecord,
  agent: RunnerRecord | undefined,
  now: number,
): Promise<void> => {
  const { runnerId, pool } = record;
  if (agent === undefined || agent.state === 'ended') {
    if (agent !== undefined || now - record.createdAt >= ctx.timing.bootTimeoutMs)
      await commit(ctx, { remove: [runnerId] });
  } else if (agent.drain === 0) {
    const reason = `the pool has left the backend ${record.backend}`;
    const order = { runnerId, generation: Math.max(record.generation, agent.ackedDrain) + 1, reason };
    if ((await ctx.store.orderDrain(pool, ctx.term.epoch, order)) === 'fenced') ctx.term.depose('an order was refused');
  }
};
