/**
 * One tick of a pool that a platform scales: observe, decide, write down the number, park and take back. Nothing is launched and
 * nothing ended here.
 */
import { isExternal } from '@flamejs/queue/internal';
import { applySettings } from '../apply-settings.ts';
import { decideTarget } from '../decide-target.ts';
import { noteIdle, notePause } from '../notes.ts';
import { oldestWaitMsOf, readPool } from '../observe/read-pool.ts';
import type { PoolContext } from '../pool-context.ts';
import { type FullPoolStatus, statusOf } from '../pool-status.ts';
import type { IntentRecord } from '../record/intent.ts';
import { sampleOf } from '../sample.ts';
import type { PoolSnapshot } from '../store/store.ts';
import { flush, thin } from '../write-down.ts';
import { carryOut } from './carry-out.ts';
import { platformNumber } from './number.ts';
import { disobedience, noteObedience } from './obedience.ts';
import { type ParkingAction, planParking } from './parking.ts';
import { isHeld, isParked, type Registered, rankOf, registeredOf } from './registered.ts';

export interface PlatformTickInput {
  /** Of machines that an earlier backend of this pool launched. */
  readonly records: readonly IntentRecord[];
  readonly dryRun: boolean;
}

export interface PlatformTick {
  readonly status: FullPoolStatus;
  readonly actions: readonly ParkingAction[];
  readonly expecting: boolean;
  /** Runners that have registered. */
  readonly physical: number;
}

export const tickPlatformPool = async (ctx: PoolContext, input: PlatformTickInput): Promise<PlatformTick> => {
  const { memory, term, clock, timing } = ctx;
  const now = term.now();
  const snapshot = await readPool(ctx, input.records);
  memory.watch.note(
    { at: clock.mono(), snapshot, listing: null },
    3 * timing.tickMs + 5_000,
    1.5 * timing.tickMs + 1_000,
  );
  if (snapshot !== null) applySettings(ctx, snapshot);
  if (snapshot !== null) notePause(ctx, snapshot.paused);

  const launched = new Set(input.records.map(({ runnerId }) => runnerId));
  const registered = snapshot === null ? [] : registeredIn(ctx, snapshot, launched, now);
  const records = registered.map(({ record }) => record);
  const actions = snapshot === null ? [] : decide(ctx, snapshot, registered, now);
  const alive = registered.filter(({ record }) => record.state !== 'lost');

  const status: FullPoolStatus = {
    ...statusOf(ctx, {
      at: snapshot?.now ?? now,
      records,
      physical: alive.length,
      useful: usefulOf(records),
      oldestWaitMs: oldestWaitMsOf(snapshot),
    }),
    wanted: memory.platform?.wanted ?? null,
    ...(memory.platform === null ? {} : { platform: memory.platform }),
  };
  const expecting = actions.length > 0 || alive.length !== memory.platform?.wanted;
  const result: PlatformTick = { status, actions, expecting, physical: alive.length };
  if (input.dryRun || !term.leads()) return result;
  if (snapshot !== null) {
    const agents = new Map(snapshot.agents.map((agent) => [agent.runnerId, agent]));
    noteIdle(ctx, records, agents, snapshot.now);
    tellPlatform(ctx, registered, snapshot.now);
    await carryOut(ctx, actions, { registered, agents, records: input.records, now });
  }
  const sample = sampleOf(ctx, snapshot, status);
  await flush(ctx, sample);
  if (sample !== undefined) await thin(ctx, now, sample);
  return result;
};

const registeredIn = (
  { memory: { watch }, timing }: PoolContext,
  snapshot: PoolSnapshot,
  launched: ReadonlySet<string>,
  now: number,
): readonly Registered[] =>
  snapshot.agents
    .filter(({ runnerId }) => !launched.has(runnerId))
    .flatMap(
      (agent) =>
        registeredOf(agent, {
          silentMs: watch.silentMs(agent.runnerId),
          redisNow: snapshot.now,
          aheadMs: now - snapshot.now,
          lostMs: timing.lostMs,
        }) ?? [],
    );

const usefulOf = (records: readonly IntentRecord[]): number =>
  records.filter(({ state }) => state === 'booting' || state === 'ready').length;

/** Writes the number into the memory of the pool, and says what else is to be done. */
const decide = (
  ctx: PoolContext,
  snapshot: PoolSnapshot,
  registered: readonly Registered[],
  now: number,
): readonly ParkingAction[] => {
  const { memory, timing } = ctx;
  const { min, max, allowIn, allowOut, idleShutdownAfterMs } = memory.effective;
  const records = registered.map(({ record }) => record);
  const target = decideTarget(ctx, snapshot, records, [], usefulOf(records), now);
  const alive = registered.filter(({ record }) => record.state !== 'lost');
  const steadyMs = memory.watch.steadyMs();
  // After a Redis that has lost its data nobody knows yet who is there: runners say so within their next heartbeat.
  if (memory.platform === null && steadyMs < timing.steadyMs) return [];
  const wanted = platformNumber({
    ...{ target, min, max, allowIn, allowOut },
    before: memory.platform?.wanted ?? null,
    registered: alive.length,
    held: registered.filter((each) => isHeld(each, snapshot.now, idleShutdownAfterMs)).length,
  });
  const ready = alive.filter(({ record }) => record.state !== 'booting').length;
  const look = { wanted, registered: alive.length, ready, now, patienceMs: ctx.pool.bootTimeoutMs };
  memory.astray = noteObedience(memory.astray, look);
  const disobeys = disobedience(memory.astray, look);
  memory.blocked = memory.astray?.direction === 'few' ? (disobeys ?? null) : null;
  noteNumber(ctx, wanted, target.reason);
  memory.platform = {
    wanted,
    decidedAt: snapshot.now,
    registered: alive.length,
    parked: registered.filter(isParked).length,
    ...(disobeys === undefined ? {} : { disobeys }),
  };
  return planParking({
    ...{ now, min, max, allowIn, allowOut, idleShutdownAfterMs, registered, target, steadyMs, timing },
    release: memory.release.release,
    redisNow: snapshot.now,
    fresh: { queue: true, registry: true, list: true },
    paused: snapshot.paused,
    busy: memory.busy,
  });
};

const noteNumber = ({ memory, emit }: PoolContext, wanted: number, reason: string): void => {
  if (memory.platform?.wanted === wanted) return;
  emit({
    type: 'pool.scaled',
    reason,
    details: { desired: memory.desired, wanted, before: memory.platform?.wanted ?? null },
  });
};

/** What a platform does not ask for, as it has just been decided: nothing is told while the pool cannot be read. */
const tellPlatform = (ctx: PoolContext, registered: readonly Registered[], redisNow: number): void => {
  const { backend, memory, push } = ctx;
  if (!isExternal(backend) || memory.platform === null) return;
  const { wanted } = memory.platform;
  const { push: tell, rank } = backend;
  if (push && tell !== undefined)
    memory.teller.tell(ctx, 'telling the platform its number', String(wanted), (signal) => tell(wanted, signal));
  if (rank === undefined) return;
  const ranked = registered
    .filter(({ record }) => record.state !== 'lost')
    .map((each) => rankOf(each, redisNow, memory.effective.idleShutdownAfterMs));
  memory.teller.tell(ctx, 'ranking the runners', JSON.stringify(ranked), (signal) => rank(ranked, signal));
};
