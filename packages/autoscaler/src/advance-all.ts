/** One step of every record of a pool: moved by what was seen, written, told, and its time put on the account. */
import type { RunnerRecord } from '@flamejs/protocol';
import { commit } from './execute/commit.ts';
import { noteHappenings } from './notes.ts';
import type { PoolContext } from './pool-context.ts';
import type { TickInput } from './pool-tick.ts';
import type { Advanced } from './record/advance.ts';
import type { IntentRecord } from './record/intent.ts';
import type { Sighting } from './record/sighting.ts';

interface AgentsSeen {
  readonly now: number;
  readonly agents: ReadonlyMap<string, RunnerRecord>;
  /** How far our clock is ahead of theirs. */
  readonly aheadMs: number;
}

/** What an earlier leader has counted. Without it nothing is: a second must not be counted twice. */
export const openLedger = async ({ memory, store, pool, log }: PoolContext): Promise<void> => {
  if (memory.ledger.loaded) return;
  try {
    memory.ledger.load(await store.machines(pool.name));
  } catch (error) {
    log.warn({ err: error }, 'what has been counted of machines cannot be read; counting waits');
  }
};

const keepAccount = (
  { memory }: PoolContext,
  remaining: readonly IntentRecord[],
  gone: readonly { readonly step: Advanced }[],
  { now, agents, aheadMs }: AgentsSeen,
): void => {
  const inOurs = new Map(
    [...agents].map(([id, agent]) => [
      id,
      agent.readyAt === 0 ? agent : { ...agent, readyAt: agent.readyAt + aheadMs },
    ]),
  );
  for (const { step } of gone) memory.ledger.gone(step.record, inOurs.get(step.record.runnerId), now);
  memory.ledger.look(remaining, inOurs, now);
};

/** Moves every record that no action is working on, and writes what changed. Records that are gone are dropped. */
export const advanceAll = async (
  ctx: PoolContext,
  input: TickInput,
  sightings: ReadonlyMap<string, Sighting>,
  { now, agents, aheadMs }: AgentsSeen,
): Promise<readonly IntentRecord[]> => {
  const steps = input.records.map((before) => {
    const seen = sightings.get(before.runnerId);
    const untouched =
      seen === undefined || input.busyBefore.has(before.runnerId) || ctx.memory.busy.has(before.runnerId);
    return {
      before,
      step: untouched ? { record: before, happened: [] } : ctx.core.advance(before, seen, now, ctx.timing),
    };
  });
  const changed = steps.filter(({ before, step }) => step.record !== before);
  const gone = changed.filter(({ step }) => step.record.state === 'terminated');
  const saved = changed.filter(({ step }) => step.record.state !== 'terminated').map(({ step }) => step.record);
  if (!input.dryRun && changed.length > 0) {
    // Not written, not happened: the next tick sees the same and takes the same step.
    if (!(await commit(ctx, { save: saved, remove: gone.map(({ before }) => before.runnerId) }))) return input.records;
  }
  const remaining = steps.map(({ step }) => step.record).filter(({ state }) => state !== 'terminated');
  if (!input.dryRun) keepAccount(ctx, remaining, gone, { now, agents, aheadMs });
  if (!input.dryRun) for (const { before, step } of changed) noteHappenings(ctx, before, step, remaining.length);
  return remaining;
};
