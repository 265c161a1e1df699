/** Writes records under the fence. */
import type { PoolContext } from '../pool-context.ts';
import type { IntentChanges } from '../store/store.ts';

/** @returns whether it was written; after a refusal the term is over. @throws when Redis cannot be reached */
export const commit = async (ctx: PoolContext, changes: IntentChanges): Promise<boolean> => {
  const result = await ctx.store.commit(ctx.term.epoch, changes);
  if (result === 'fenced') ctx.term.depose('a record was refused');
  return result === 'ok';
};
