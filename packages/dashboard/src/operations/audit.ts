/** Who has changed what: one line for each change, of the dashboard, the command line, or whoever acts through the same operations. */
import type { Actions } from './act.ts';
import type { Link } from './link.ts';
import { toNumber, toRecord, toText } from './numbers.ts';

export interface AuditEntry {
  readonly id: string;
  /** Redis ms. */
  readonly at: number;
  readonly pool: string;
  /** Who, as they said or as it is known: a name, or `dashboard` or `cli`. */
  readonly by: string;
  /** As the action is called: `retry`, `cancel`, `pause`, `drain`, … */
  readonly action: string;
  /** The call, the runner or the function that it was about; empty for the pool. */
  readonly target: string;
  /** What came of it. */
  readonly result: string;
}

/** Changes that are kept for each pool. */
const MOST = 10_000;

/** The same actions, each of them written down once it was done. One that fails has changed nothing. */
export const audited = (link: Link, actions: Actions, name: string): Actions => {
  const note = async (pool: string, action: string, target: string, by: string | undefined, result: unknown) => {
    const fields = { by: by ?? name, action, target, result: String(result).slice(0, 300) };
    const { audit } = link.keys(pool);
    const time = await link.client.time();
    const at = Number(time[0]) * 1_000 + Math.floor(Number(time[1]) / 1_000);
    await link.client.xadd(audit, 'MAXLEN', '~', MOST, '*', 'at', at, ...Object.entries(fields).flat());
  };
  const told = async <T>(pool: string, action: string, target: string, by: string | undefined, work: Promise<T>) => {
    const result = await work;
    await note(pool, action, target, by, result ?? 'done');
    return result;
  };
  return {
    kick: actions.kick,
    limit: (pool, change, by) =>
      told(pool, 'limit', [change.limit, change.key].filter(Boolean).join(' '), by, actions.limit(pool, change, by)),
    retry: (pool, id, by) => told(pool, 'retry', id, by, actions.retry(pool, id)),
    retryFailed: (pool, functionName, by) =>
      told(pool, 'retry-failed', functionName ?? '', by, actions.retryFailed(pool, functionName)),
    cancel: (pool, id, reason, by) => told(pool, 'cancel', id, by, actions.cancel(pool, id, reason)),
    pause: (pool, by) => told(pool, 'pause', '', by, actions.pause(pool)),
    resume: (pool, by) => told(pool, 'resume', '', by, actions.resume(pool)),
    drain: (pool, id, why) => told(pool, 'drain', id, why?.by, actions.drain(pool, id, why)),
    terminate: (pool, id, why) => told(pool, 'terminate', id, why?.by, actions.terminate(pool, id, why)),
    protect: (pool, id, forMs, why) => told(pool, 'protect', id, why?.by, actions.protect(pool, id, forMs, why)),
    unprotect: (pool, id, why) => told(pool, 'unprotect', id, why?.by, actions.unprotect(pool, id, why)),
    async tune(pool, change, by) {
      const view = await actions.tune(pool, change, by);
      await note(pool, 'tune', '', by, JSON.stringify(change));
      return view;
    },
  };
};

/** Newest first. */
export const readAudit = async (link: Link, pool: string, count: number): Promise<readonly AuditEntry[]> => {
  if (count === 0) return [];
  const entries = await link.client.xrevrange(link.keys(pool).audit, '+', '-', 'COUNT', count);
  return entries.map(([id, flat]) => {
    const fields = toRecord(flat);
    const text = (name: string): string => toText(fields[name]);
    return {
      id,
      at: toNumber(fields.at),
      pool,
      by: text('by'),
      action: text('action'),
      target: text('target'),
      result: text('result'),
    };
  });
};
