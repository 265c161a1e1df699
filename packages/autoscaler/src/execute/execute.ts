/** Sets a plan's actions going. One that fails does not stop the others; the next tick sees what came of each. */
import type { RunnerRecord } from '@flamejs/protocol';
import type { Action, Plan } from '../plan/action.ts';
import type { LaunchingPool } from '../pool-context.ts';
import type { IntentRecord } from '../record/intent.ts';
import { adoptOne } from './adopt.ts';
import { drainOne, orderDrain, reactivateOne } from './drain.ts';
import { launchMany, launchOne } from './launch.ts';
import { fulfil, protectOne } from './operator.ts';
import { terminateMany } from './terminate.ts';

export interface Surroundings {
  readonly records: readonly IntentRecord[];
  /** Instances of ours without a record: they take up room under max although the reservation cannot count them. */
  readonly strays: number;
  /** Of the whole app, less the strays of all pools. */
  readonly quota: number;
  readonly agents: ReadonlyMap<string, RunnerRecord>;
}

export const execute = async (ctx: LaunchingPool, plan: Plan, around: Surroundings): Promise<void> => {
  const records = new Map(around.records.map((record) => [record.runnerId, record]));
  noteDecision(ctx, plan);
  const ending: IntentRecord[] = [];
  for (const action of plan.actions) {
    if (action.kind === 'launch') {
      await launch(ctx, action, around);
      continue;
    }
    if (action.kind === 'adopt') {
      adopt(ctx, action, around);
      continue;
    }
    if (action.kind === 'fulfil') {
      ctx.begin([action.order.runnerId], () => fulfil(ctx, action.order));
      continue;
    }
    const record = records.get(action.runnerId);
    if (record === undefined) continue;
    if (action.kind !== 'terminate') {
      ctx.begin([record.runnerId], () => act(ctx, action, record));
      continue;
    }
    ending.push({ ...record, grounds: action.grounds, reason: action.reason });
    if (action.grounds === 'forced' && record.grounds !== 'forced') {
      const { runnerId } = record;
      ctx.emit({ type: 'runner.ended', runnerId, reason: action.reason, details: { grounds: 'forced' } });
    }
  }
  if (ending.length > 0)
    ctx.begin(
      ending.map(({ runnerId }) => runnerId),
      () => terminateMany(ctx, ending),
    );
};

type SingleAction = Exclude<Action, { kind: 'launch' | 'adopt' | 'terminate' | 'fulfil' }>;

const act = (ctx: LaunchingPool, action: SingleAction, record: IntentRecord): Promise<void> => {
  switch (action.kind) {
    case 'replay':
      return launchOne(ctx, record);
    case 'reactivate':
      return reactivateOne(ctx, record, action.reason);
    case 'drain':
      return drainOne(ctx, record, action);
    case 'order':
      return orderDrain(ctx, record);
    case 'protect':
      return protectOne(ctx, record, action);
  }
};

const launch = async (
  ctx: LaunchingPool,
  action: Extract<Action, { kind: 'launch' }>,
  around: Surroundings,
): Promise<void> => {
  try {
    const max = ctx.memory.effective.max - around.strays;
    await launchMany(ctx, { count: action.count, reason: action.reason, max, quota: around.quota });
  } catch (error) {
    ctx.log.warn({ err: error }, 'nothing could be reserved; trying again at the next tick');
  }
};

const adopt = (ctx: LaunchingPool, action: Extract<Action, { kind: 'adopt' }>, around: Surroundings): void => {
  const agent = around.agents.get(action.instance.runnerId);
  const slots = agent !== undefined && agent.slots > 0 ? agent.slots : ctx.pool.maxConcurrency;
  ctx.begin([action.instance.runnerId], () => adoptOne(ctx, action, agent?.release ?? '', slots));
};

/** The decision log: what was decided, from what, and why. */
const noteDecision = (ctx: LaunchingPool, plan: Plan): void => {
  const { memory } = ctx;
  const decisions = plan.actions.filter(({ kind }) => kind === 'launch' || kind === 'drain' || kind === 'reactivate');
  if (decisions.length === 0) return;
  const launches = decisions.reduce((sum, action) => sum + (action.kind === 'launch' ? action.count : 0), 0);
  const count = (kind: Action['kind']): number => decisions.filter((action) => action.kind === kind).length;
  ctx.emit({
    type: 'pool.scaled',
    reason: memory.target?.reason ?? decisions[0]?.reason ?? '',
    details: {
      desired: memory.desired,
      wanted: memory.target?.wanted ?? null,
      launch: launches,
      drain: count('drain'),
      reactivate: count('reactivate'),
      blocked: plan.blocked,
    },
  });
};
