/** Makes a pool's context for one term. */

import type { Housekeeping } from '@flamejs/protocol';
import type { AppConfig, PoolBackend, PoolConfig } from '@flamejs/queue';
import type { Logger } from 'pino';
import { createLedger } from './account/ledger.ts';
import { priceOf } from './account/prices.ts';
import type { Clock } from './clock.ts';
import type { Core } from './core.ts';
import type { Environment } from './environment.ts';
import type { HookRunner } from './execute/hooks.ts';
import { createLimit } from './execute/limit.ts';
import { breakerTiming } from './plan/breaker.ts';
import { launchRate } from './plan/limiter.ts';
import type { PoolContext } from './pool-context.ts';
import { poolMemory } from './pool-memory.ts';
import { breakerFrom, platformFrom, releaseFrom } from './pool-status.ts';
import type { Store } from './store/store.ts';
import type { Term } from './term.ts';
import { timingOf } from './timing.ts';
import { configured } from './tuning/settings.ts';

export interface ContextParts {
  readonly config: AppConfig;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly owner: string;
  readonly push: boolean;
  readonly core: Core;
  readonly hooks: HookRunner;
  readonly environment: Environment;
  readonly limits: Map<PoolBackend, ReturnType<typeof createLimit>>;
  readonly underWay: Set<Promise<void>>;
  backendOf(pool: PoolConfig): PoolBackend;
  housekeepingOf?(pool: string): Housekeeping;
  wake(pool: string): void;
  count(pool: string): number;
}

/** Provider calls of one backend that may run at once. */
const CALLS_AT_ONCE = 10;

export const buildContext = (
  parts: ContextParts,
  term: Term,
  pool: PoolConfig,
  statuses: Readonly<Record<string, string>>,
): PoolContext => {
  const { config, store, clock } = parts;
  const backend = parts.backendOf(pool);
  const { defaults } = backend;
  const rate = launchRate(defaults.launchesPerTick, defaults.tickMs);
  const breaking = breakerTiming(defaults.bootTimeoutMs, defaults.tickMs);
  const release = releaseFrom(statuses[pool.name], config.release, term.now());
  const breaker = breakerFrom(statuses[pool.name], release.release, term.now(), breaking);
  const ledger = createLedger((record) => priceOf(pool, record));
  const memory = poolMemory(configured(pool), rate, term.now(), release, ledger, breaker);
  memory.platform = platformFrom(statuses[pool.name]);
  const log = parts.log.child({ pool: pool.name });
  const limit = parts.limits.get(backend) ?? createLimit(CALLS_AT_ONCE);
  parts.limits.set(backend, limit);

  const begin = (runnerIds: readonly string[], work: () => Promise<void>): void => {
    for (const id of runnerIds) memory.busy.add(id);
    const done = Promise.resolve()
      .then(work)
      .catch((error: unknown) => log.warn({ err: error, runnerIds }, 'an action failed; the next tick tries again'))
      .finally(() => {
        for (const id of runnerIds) memory.busy.delete(id);
        parts.underWay.delete(done);
      });
    parts.underWay.add(done);
  };

  return {
    pool,
    app: config.app,
    owner: parts.owner,
    push: parts.push,
    release: config.release,
    root: config.root,
    backend,
    location: locationOf(backend),
    store,
    clock,
    log,
    hooks: parts.hooks,
    term,
    memory,
    timing: timingOf(pool, defaults),
    rate,
    breakerTiming: breaking,
    environment: parts.environment,
    housekeeping: parts.housekeepingOf?.(pool.name),
    core: parts.core,
    limit,
    count: () => parts.count(pool.name),
    emit(event) {
      memory.events.push(event);
      ledger.note(event);
    },
    begin,
    wake: () => parts.wake(pool.name),
  };
};

/** A backend whose instances live on one host says which, so that another host's list is no word about them. */
const locationOf = (backend: PoolBackend): string | null => {
  const location = (backend as { readonly location?: unknown }).location;
  return typeof location === 'string' ? location : null;
};
