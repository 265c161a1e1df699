/** One look at a pool in Redis: its queue, its runners' own records, and what operators want. */
import type { PoolContext } from '../pool-context.ts';
import type { IntentRecord } from '../record/intent.ts';
import type { PoolSnapshot } from '../store/store.ts';

/** @param records whose runners are read although they may have left @returns `null` when it cannot be read */
export const readPool = async (ctx: PoolContext, records: readonly IntentRecord[]): Promise<PoolSnapshot | null> => {
  try {
    return await ctx.store.observe(
      ctx.pool.name,
      records.map(({ runnerId }) => runnerId),
      ctx.pool.bootTimeoutMs,
    );
  } catch (error) {
    ctx.log.warn({ err: error }, 'the pool cannot be read; on hold');
    return null;
  }
};

export const oldestWaitMsOf = (snapshot: PoolSnapshot | null): number =>
  snapshot === null || snapshot.oldestWaitAt === null ? 0 : Math.max(0, snapshot.now - snapshot.oldestWaitAt);
