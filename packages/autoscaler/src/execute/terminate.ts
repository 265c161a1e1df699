/** Ending instances: for ever, with pauses, until the provider's list no longer has them. */
import type { TerminateResult } from '@flamejs/queue';
import { bounded } from '../clock.ts';
import type { LaunchingPool } from '../pool-context.ts';
import type { IntentRecord } from '../record/intent.ts';
import { backoffMs } from './backoff.ts';
import { commit } from './commit.ts';

/** Ids in one call; providers limit it. */
const BATCH = 100;

export const terminateMany = async (ctx: LaunchingPool, records: readonly IntentRecord[]): Promise<void> => {
  for (let first = 0; first < records.length; first += BATCH)
    await terminateBatch(ctx, records.slice(first, first + BATCH));
};

const terminateBatch = async (ctx: LaunchingPool, batch: readonly IntentRecord[]): Promise<void> => {
  const { term, clock, timing, backend, memory } = ctx;
  const now = term.now();
  const allowed = await withoutReturned(
    ctx,
    batch.filter((record) => ctx.core.mayTerminate(record, now)),
  );
  const ending = allowed.map((record) => begun(record, ctx));
  const ids = ending.flatMap(({ instanceId }) => instanceId ?? []);
  // The record says that it is being ended before it is: a crash in between leads to another call, not to a lost one.
  if (ids.length === 0 || !(await commit(ctx, { save: ending }))) return;

  const results = await ctx.limit(async () => {
    if (!term.leads()) return undefined;
    try {
      return await bounded(clock, timing.callTimeoutMs, `${backend.name}.terminate`, (signal) =>
        backend.terminate(ids, signal, { silent: silentOf(ctx, ending) }),
      );
    } catch (error) {
      ctx.log.warn({ err: error, ids }, 'instances could not be terminated; trying again');
      const text = error instanceof Error ? error.message : String(error);
      return ids.map((id): TerminateResult => ({ id, ok: false, error: text }));
    } finally {
      for (const { runnerId } of ending) memory.watch.touched(runnerId, clock.mono());
    }
  });
  if (results === undefined) return;
  const byId = new Map(results.map((result) => [result.id, result]));
  await commit(ctx, { save: ending.map((record) => answered(record, byId.get(record.instanceId ?? ''), term.now())) });
};

/** Those whose heartbeat has stood still for as long as makes a runner lost. */
const silentOf = (
  { memory: { watch }, timing }: LaunchingPool,
  records: readonly IntentRecord[],
): ReadonlySet<string> =>
  new Set(
    records
      .filter(({ runnerId }) => watch.silentMs(runnerId) >= timing.lostMs && watch.steadyMs() >= timing.steadyMs)
      .flatMap(({ instanceId }) => instanceId ?? []),
  );

/**
 * A runner that was given up (silent, or never registered) may have come back since it was looked at. One that answers is
 * left to the next tick; after this last look nothing is awaited but the record and the call itself.
 */
const withoutReturned = async (
  ctx: LaunchingPool,
  records: readonly IntentRecord[],
): Promise<readonly IntentRecord[]> => {
  const givenUp = records.filter(
    (record) => GIVEN_UP.has(record.grounds ?? '') && record.terminate?.acceptedAt == null,
  );
  if (givenUp.length === 0) return records;
  const ids = givenUp.map(({ runnerId }) => runnerId);
  const { agents, now } = await ctx.store.observe(ctx.pool.name, ids, 0);
  const returned = new Set(
    agents
      .filter(({ state }) => state === 'ready' || state === 'draining')
      .filter(({ heartbeatAt }) => Math.abs(now - heartbeatAt) < ctx.timing.suspectMs)
      .map(({ runnerId }) => runnerId),
  );
  return records.filter((record) => !givenUp.includes(record) || !returned.has(record.runnerId));
};

const GIVEN_UP: ReadonlySet<string> = new Set(['lost', 'boot-failed', 'orphan']);

const begun = (record: IntentRecord, { term, timing, clock }: LaunchingPool): IntentRecord => {
  const tries = (record.terminate?.tries ?? 0) + 1;
  const now = term.now();
  return {
    ...record,
    state: 'terminating',
    stateSince: record.state === 'terminating' ? record.stateSince : now,
    terminate: {
      tries,
      nextAt: now + backoffMs(tries, timing, clock.random()),
      acceptedAt: record.terminate?.acceptedAt ?? null,
      error: null,
    },
  };
};

const answered = (record: IntentRecord, result: TerminateResult | undefined, now: number): IntentRecord => {
  const terminate = record.terminate;
  if (terminate === null) return record;
  if (result?.ok === true) return { ...record, terminate: { ...terminate, acceptedAt: now } };
  return { ...record, terminate: { ...terminate, error: result?.error ?? 'the backend said nothing about it' } };
};
