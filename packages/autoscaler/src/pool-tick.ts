/** One tick of one pool: observe, advance the records, decide, plan, set the actions going, write down what happened. */
import type { RunnerRecord, StandingOrder } from '@flamejs/protocol';
import { advanceAll, openLedger } from './advance-all.ts';
import { applySettings } from './apply-settings.ts';
import { decideTarget } from './decide-target.ts';
import { execute } from './execute/execute.ts';
import { noteIdle, notePause, noteStuck } from './notes.ts';
import type { Listing } from './observe/listing.ts';
import { idleMsOf } from './observe/observation.ts';
import { oldestWaitMsOf, readPool } from './observe/read-pool.ts';
import { breakerReason } from './plan/breaker.ts';
import { isUsefulRecord, physicalCount } from './plan/counts.ts';
import { refill } from './plan/limiter.ts';
import type { PlanInput } from './plan/plan.ts';
import { chooseRelease } from './plan/release.ts';
import type { LaunchingPool } from './pool-context.ts';
import { type FullPoolStatus, statusOf } from './pool-status.ts';
import type { IntentRecord } from './record/intent.ts';
import type { Sighting } from './record/sighting.ts';
import { sampleOf } from './sample.ts';
import type { PoolSnapshot } from './store/store.ts';
import { flush, thin } from './write-down.ts';

export interface TickInput {
  /** This pool's records, read before anything else of this tick. */
  readonly records: readonly IntentRecord[];
  readonly busyBefore: ReadonlySet<string>;
  readonly listing: Listing | null;
  /** Why there is none. */
  readonly listFailure?: string | null;
  readonly quotaLeft: number;
  readonly quota: number;
  readonly closing: PlanInput['closing'];
  readonly dryRun: boolean;
}

export interface TickResult {
  readonly status: FullPoolStatus;
  readonly plan: ReturnType<LaunchingPool['core']['plan']>;
  /** Something is expected to change soon. */
  readonly expecting: boolean;
  readonly physical: number;
}

/** What a tick itself may take, beside the pause between two. */
const STEP_SLACK_MS = 1_000;

export const tickPool = async (ctx: LaunchingPool, input: TickInput): Promise<TickResult> => {
  const { memory, term, clock, timing } = ctx;
  const now = term.now();
  const snapshot = await readPool(ctx, input.records);
  const look = { at: clock.mono(), snapshot, listing: input.listing };
  memory.watch.note(look, 3 * timing.tickMs + 5_000, 1.5 * timing.tickMs + STEP_SLACK_MS);
  if (snapshot !== null) applySettings(ctx, snapshot);
  if (snapshot !== null) notePause(ctx, snapshot.paused);
  if (snapshot !== null) followRelease(ctx, snapshot);

  const sightings = await sight(ctx, input, now);
  const agents = new Map(snapshot?.agents.map((agent) => [agent.runnerId, agent]));
  await openLedger(ctx);
  const records = await advanceAll(ctx, input, sightings, { now, agents, aheadMs: now - (snapshot?.now ?? now) });
  const strays = memory.watch.strays(input.records);
  const known = [...input.records, ...strays.map(({ instance }) => instance)].map(({ runnerId }) => runnerId);
  const external = snapshot === null ? [] : externalRunners(ctx, snapshot, new Set([...known, ...memory.busy]));

  const useful = records.filter((record) => isUsefulRecord(record, now, timing)).length + external.length;
  const physical = physicalCount(records, strays.length);
  memory.limiter = refill(memory.limiter, ctx.rate, now);
  prune(memory.kept, now);
  const target = snapshot === null ? 'hold' : decideTarget(ctx, snapshot, records, external, useful, now);
  const pending = records.filter(({ state }) => state === 'requested' || state === 'booting').length;

  const plan = ctx.core.plan({
    now,
    pool: ctx.pool.name,
    min: memory.effective.min,
    max: memory.effective.max,
    release: memory.release.release,
    idleShutdownAfterMs: memory.effective.idleShutdownAfterMs,
    target,
    runners: records.map((record) => ({
      record,
      seen: sightings.get(record.runnerId) ?? memory.watch.sighting(record, 'unknown', false, now),
      idleMs: idleMsOf(record, agents.get(record.runnerId), snapshot?.now ?? 0),
      active: agents.get(record.runnerId)?.active ?? 0,
    })),
    external: external.length,
    strays,
    fresh: { queue: snapshot !== null, registry: snapshot !== null, list: input.listing !== null },
    listFailure: input.listFailure ?? null,
    steadyMs: memory.watch.steadyMs(),
    paused: snapshot?.paused ?? false,
    allowOut: memory.effective.allowOut,
    allowIn: memory.effective.allowIn,
    launching: {
      perTick: ctx.backend.defaults.launchesPerTick,
      tokens: memory.limiter.tokens,
      breaker: ctx.core.allowance(memory.breaker, now, pending),
      breakerReason: breakerReason(memory.breaker, now),
      capacityReason: now < memory.gate.until ? memory.gate.reason : null,
      quotaLeft: input.quotaLeft,
    },
    busy: new Set([...input.busyBefore, ...memory.busy]),
    kept: new Set(memory.kept.keys()),
    hasUnless: ctx.pool.idleUnless !== undefined,
    timing,
    closing: input.closing,
    orders: snapshot === null ? [] : snapshot.orders.map((order) => inOurTime(order, now - snapshot.now)),
  });
  memory.blocked = plan.blocked;

  if (snapshot !== null) noteIdle(ctx, records, agents, snapshot.now);
  noteStuck(ctx, records, now);
  const result: TickResult = {
    status: statusOf(ctx, {
      at: snapshot?.now ?? now,
      records,
      physical,
      useful,
      oldestWaitMs: oldestWaitMsOf(snapshot),
    }),
    plan,
    expecting: plan.actions.length > 0 || records.some(({ state }) => state !== 'ready'),
    physical,
  };
  if (input.dryRun || !term.leads()) return result;
  await execute(ctx, plan, { records, strays: strays.length, quota: input.quota, agents });
  const sample = sampleOf(ctx, snapshot, result.status);
  await flush(ctx, sample);
  if (sample !== undefined) await thin(ctx, now, sample);
  return result;
};

/** A roll-over to the callers' release starts here; the plan does the rest, as after a deployment of the autoscaler. */
const followRelease = (ctx: LaunchingPool, { releases, now }: PoolSnapshot): void => {
  const { memory, backend, pool } = ctx;
  const before = memory.release;
  memory.release = chooseRelease(before, {
    sights: releases,
    now,
    quietMs: pool.bootTimeoutMs,
    boots: (release) => release === ctx.release || (backend.boots?.(release, ctx.root) ?? false),
  });
  if (memory.release === before) return;
  ctx.log.info(
    { from: before.release, to: memory.release.release },
    'calls of another release wait: the pool rolls over',
  );
  ctx.emit({
    type: 'pool.release',
    reason: `calls wait for runners of release ${memory.release.release}; they were of ${before.release}`,
    details: { from: before.release, to: memory.release.release },
  });
};

/** Locks are read only of runners that have been silent for long: it takes a walk through the active calls. */
const sight = async (ctx: LaunchingPool, input: TickInput, now: number): Promise<ReadonlyMap<string, Sighting>> => {
  const { memory, timing, location } = ctx;
  const sightings = await Promise.all(
    input.records.map(async (record): Promise<readonly [string, Sighting]> => {
      // Another host's process, or an instance of the backend that the pool had before: its absence from the list says nothing.
      const moved = record.backend !== ctx.backend.name;
      const elsewhere = moved || (location !== null && record.location !== null && record.location !== location);
      const silent = memory.watch.silentMs(record.runnerId) >= timing.lostMs && record.readyAt !== null;
      const locks = silent ? await locksOf(ctx, record.runnerId) : 'unknown';
      return [record.runnerId, memory.watch.sighting(record, locks, elsewhere, now)];
    }),
  );
  return new Map(sightings);
};

const locksOf = async (ctx: LaunchingPool, runnerId: string): Promise<Sighting['locks']> => {
  try {
    return (await ctx.store.heldLocks(ctx.pool.name, runnerId)) > 0 ? 'held' : 'none';
  } catch {
    return 'unknown';
  }
};

/** Runners that register here but that nobody of ours launched: somebody keeps them by hand, or another host's controller did. */
const externalRunners = (
  ctx: LaunchingPool,
  snapshot: PoolSnapshot,
  known: ReadonlySet<string>,
): readonly RunnerRecord[] =>
  snapshot.agents.filter(
    (agent) =>
      !known.has(agent.runnerId) &&
      agent.state === 'ready' &&
      Math.abs(snapshot.now - agent.heartbeatAt) < ctx.timing.suspectMs &&
      ctx.memory.watch.silentMs(agent.runnerId) < ctx.timing.suspectMs,
  );

const inOurTime = (order: StandingOrder, aheadMs: number): StandingOrder =>
  order.action === 'protect' ? { ...order, until: order.until + aheadMs } : order;

const prune = (kept: Map<string, number>, now: number): void => {
  for (const [id, until] of kept) if (until <= now) kept.delete(id);
};
