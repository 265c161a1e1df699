/**
 * Tells a platform what it does not ask for: which runners may go first, and the number where it is pushed. Apart from the tick, one at a
 * time, and after a failure not at once again.
 */
import { bounded } from '../clock.ts';
import type { PoolContext } from '../pool-context.ts';

export interface Teller {
  /**
   * Begins unless one is under way or it has just failed. @param what for the log @param key what is told; the same again only after
   * `againMs`
   */
  tell(ctx: PoolContext, what: string, key: string, work: (signal: AbortSignal) => Promise<void>): void;
}

/** After a failure, and until the same is told again, in case somebody else has changed it. */
const RETRY_MS = 10_000;
const AGAIN_MS = 60_000;

export const createTeller = (): Teller => {
  const told = new Map<string, { readonly key: string; readonly at: number }>();
  const notBefore = new Map<string, number>();
  const underWay = new Set<string>();

  return {
    tell(ctx, what, key, work) {
      const { clock, log, timing } = ctx;
      const now = clock.mono();
      const last = told.get(what);
      if (underWay.has(what) || now < (notBefore.get(what) ?? 0)) return;
      if (last?.key === key && now - last.at < AGAIN_MS) return;
      underWay.add(what);
      ctx.begin([], async () => {
        try {
          if (!ctx.term.leads()) return;
          await bounded(clock, timing.callTimeoutMs, what, work);
          told.set(what, { key, at: clock.mono() });
        } catch (error) {
          notBefore.set(what, clock.mono() + RETRY_MS);
          log.warn({ err: error }, `${what} failed; it is tried again`);
        } finally {
          underWay.delete(what);
        }
      });
    },
  };
};
