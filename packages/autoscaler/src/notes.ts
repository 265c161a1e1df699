/** What follows from what happened: events, hooks, lessons for the breaker, and calls taken back from lost runners. */
import type { RunnerRecord } from '@flamejs/protocol';
import { noteBoot } from './observe/measures.ts';
import { idleMsOf } from './observe/observation.ts';
import { bootFailed, bootSucceeded } from './plan/breaker.ts';
import { noCapacity, OPEN_GATE } from './plan/capacity.ts';
import type { PoolContext } from './pool-context.ts';
import type { Advanced } from './record/advance.ts';
import type { IntentRecord } from './record/intent.ts';

export const noteHappenings = (
  ctx: PoolContext,
  before: IntentRecord,
  { record, happened }: Advanced,
  count: number,
): void => {
  const { runnerId, pool } = record;
  for (const { type, reason, details } of happened) {
    ctx.emit({ type, runnerId, reason, ...(details === undefined ? {} : { details }) });
    if (type === 'runner.ready' && before.state === 'booting') readyAtLast(ctx, record, count);
    if (type === 'runner.failed')
      bootHasFailed(ctx, record, { reason, definite: details?.definite === true, kind: details?.kind }, count);
  }
  if (record.state !== 'terminated') return;
  ctx.memory.kept.delete(runnerId);
  ctx.memory.stuckTold.delete(runnerId);
  const { hooks } = ctx.pool;
  if (before.readyAt !== null)
    ctx.hooks.fire('onShrink', hooks.onShrink, { pool, runnerId, count, reason: record.reason });
  // It was taken away or ordered to end before it was ready: nobody's fault, but its growth has ended.
  else if (record.grounds === 'ended' || record.grounds === 'forced')
    ctx.hooks.fire('onGrowEnd', hooks.onGrowEnd, { pool, runnerId, count, ok: false, reason: record.reason });
  takeBack(ctx, record);
};

const readyAtLast = (ctx: PoolContext, record: IntentRecord, count: number): void => {
  const { memory } = ctx;
  const wasOpen = memory.breaker.open;
  memory.breaker = bootSucceeded(memory.breaker);
  memory.gate = OPEN_GATE;
  memory.measures = noteBoot(memory.measures, ctx.term.now() - record.createdAt);
  if (wasOpen) ctx.emit({ type: 'breaker.closed', reason: `runner ${record.runnerId} booted` });
  ctx.hooks.fire('onGrowEnd', ctx.pool.hooks.onGrowEnd, {
    pool: record.pool,
    runnerId: record.runnerId,
    count,
    ok: true,
  });
};

const bootHasFailed = (
  ctx: PoolContext,
  record: IntentRecord,
  { reason, definite, kind }: { readonly reason: string; readonly definite: boolean; readonly kind: unknown },
  count: number,
): void => {
  const { memory, term, breakerTiming } = ctx;
  const wasOpen = memory.breaker.open;
  // There was no room for it, which says nothing about the image.
  if (kind === 'capacity' || kind === 'quota')
    memory.gate = noCapacity(memory.gate, { now: term.now(), kind, reason }, ctx.backend.defaults.bootTimeoutMs);
  else
    memory.breaker = bootFailed(
      memory.breaker,
      { now: term.now(), launchedAt: record.createdAt, reason, definite },
      breakerTiming,
    );
  if (!wasOpen && memory.breaker.open) ctx.emit({ type: 'breaker.opened', reason });
  ctx.log.error({ runnerId: record.runnerId, reason }, 'a runner did not boot');
  const info = { pool: record.pool, runnerId: record.runnerId, count, ok: false, reason };
  ctx.hooks.fire('onGrowEnd', ctx.pool.hooks.onGrowEnd, info);
};

/** Its machine is certainly gone, so its calls need not wait for their locks to run out. */
const takeBack = (ctx: PoolContext, { runnerId, reason }: IntentRecord): void => {
  const work = async (): Promise<void> => {
    await ctx.housekeeping?.releaseRunner(runnerId, reason);
    await ctx.store.forget(ctx.pool.name, ctx.term.epoch, runnerId, reason);
    ctx.wake();
  };
  ctx.begin([runnerId], work);
};

/** Once for each period of idleness, when half of what ends a runner has passed. */
export const noteIdle = (
  ctx: PoolContext,
  records: readonly IntentRecord[],
  agents: ReadonlyMap<string, RunnerRecord>,
  redisNow: number,
): void => {
  const told = ctx.memory.idleTold;
  const present = new Set<string>();
  for (const record of records) {
    const idleMs = idleMsOf(record, agents.get(record.runnerId), redisNow);
    if (idleMs === null) continue;
    present.add(record.runnerId);
    if (told.has(record.runnerId) || idleMs < ctx.memory.effective.idleShutdownAfterMs / 2) continue;
    told.add(record.runnerId);
    ctx.emit({ type: 'runner.idle', runnerId: record.runnerId, reason: `idle for ${Math.round(idleMs)} ms` });
  }
  for (const id of told) if (!present.has(id)) told.delete(id);
};

export const notePause = (ctx: PoolContext, paused: boolean): void => {
  const before = ctx.memory.paused;
  ctx.memory.paused = paused;
  if (before === null ? !paused : before === paused) return;
  ctx.emit(
    paused
      ? { type: 'pool.paused', reason: 'the queue is paused: nothing is launched' }
      : { type: 'pool.resumed', reason: 'the queue is no longer paused' },
  );
};

/** An instance that cannot be ended costs money until somebody looks. */
export const noteStuck = (ctx: PoolContext, records: readonly IntentRecord[], now: number): void => {
  for (const record of records) {
    if (record.state !== 'terminating' || now - record.stateSince < ctx.timing.stuckMs) continue;
    if (ctx.memory.stuckTold.has(record.runnerId)) continue;
    ctx.memory.stuckTold.add(record.runnerId);
    const reason = `cannot be terminated: ${record.terminate?.error ?? 'the provider still lists it'}`;
    ctx.log.error({ runnerId: record.runnerId, instanceId: record.instanceId }, reason);
    ctx.emit({ type: 'runner.ended', runnerId: record.runnerId, reason, details: { stuck: true } });
  }
};
