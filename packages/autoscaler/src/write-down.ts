/** What a tick leaves behind in the store: events, samples, counts, and the longer periods of the history. */
import type { PoolContext } from './pool-context.ts';
import type { SampleFields } from './thinning.ts';

/** Events that cannot be written now are kept for the next tick, up to a bound. */
export const flush = async (ctx: PoolContext, sample?: Readonly<Record<string, string | number>>): Promise<void> => {
  await flushCounts(ctx);
  const events = ctx.memory.events.splice(0);
  if (events.length === 0 && sample === undefined) return;
  try {
    const result = await ctx.store.record(ctx.pool.name, ctx.term.epoch, {
      events,
      ...(sample === undefined ? {} : { sample }),
    });
    if (result === 'fenced') ctx.term.depose('an event was refused');
  } catch (error) {
    ctx.log.warn({ err: error }, 'events could not be written');
    ctx.memory.events.unshift(...events.slice(-200));
  }
};

const flushCounts = async ({ memory, store, pool, term, log }: PoolContext): Promise<void> => {
  const batch = memory.ledger.batch();
  if (batch === undefined) return;
  try {
    if ((await store.count(pool.name, term.epoch, batch)) === 'fenced') term.depose('a count was refused');
    memory.ledger.taken();
  } catch (error) {
    log.warn({ err: error }, 'counts could not be written; they are sent again');
  }
};

/** A sample that cannot be written is left out: there will be another. */
export const thin = async (
  { memory, store, pool, term, log }: PoolContext,
  at: number,
  sample: SampleFields,
): Promise<void> => {
  for (const { resolution, thinner } of memory.thinners) {
    const ended = thinner.add(at, sample);
    if (ended === undefined) continue;
    try {
      if ((await store.thin(pool.name, term.epoch, resolution, ended)) === 'fenced')
        term.depose('a sample was refused');
    } catch (error) {
      log.warn({ err: error, resolution: resolution.name }, 'a sample of the history could not be written');
    }
  }
};

/** What there is of periods that have not ended, when this leader ends: the next one begins in their middle. */
export const thinRest = async ({ memory, store, pool, term }: PoolContext): Promise<void> => {
  for (const { resolution, thinner } of memory.thinners) {
    const rest = thinner.rest();
    if (rest !== undefined) await store.thin(pool.name, term.epoch, resolution, rest).catch(() => undefined);
  }
};
