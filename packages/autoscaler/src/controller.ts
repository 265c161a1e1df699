/**
 * The loop without its clockwork: each `tick` does for the pools it is given what has to be done now. Whoever drives it
 * decides when; the model tests drive it through a day in milliseconds.
 */

import type { Housekeeping } from '@flamejs/protocol';
import type { AppConfig, Backend, PoolBackend, PoolConfig } from '@flamejs/queue';
import { isExternal } from '@flamejs/queue/internal';
import type { Logger } from 'pino';
import { buildContext, type ContextParts } from './build-context.ts';
import type { Clock } from './clock.ts';
import { CORE, type Core } from './core.ts';
import { environmentOf } from './environment.ts';
import { createHooks } from './execute/hooks.ts';
import type { createLimit } from './execute/limit.ts';
import type { Leader } from './leader.ts';
import { createListings } from './observe/listings.ts';
import { sharesOf } from './observe/shares.ts';
import type { Plan } from './plan/action.ts';
import type { PlanInput } from './plan/plan.ts';
import { tickPlatformPool } from './platform/tick.ts';
import type { LaunchingPool, PoolContext } from './pool-context.ts';
import type { FullPoolStatus } from './pool-status.ts';
import { tickPool } from './pool-tick.ts';
import type { IntentRecord } from './record/intent.ts';
import { retiredPools } from './retired.ts';
import type { Store } from './store/store.ts';
import type { Term } from './term.ts';
import { flush, thinRest } from './write-down.ts';

export interface ControllerOptions {
  readonly config: AppConfig;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly leader: Leader;
  readonly owner: string;
  /** Platforms that do not ask are told their number. Default false. */
  readonly push?: boolean;
  /** The pool's backend, never undefined here. */
  backendOf(pool: PoolConfig): PoolBackend;
  housekeepingOf?(pool: string): Housekeeping;
  readonly core?: Core;
  /** Asks whoever drives the loop for a tick of this pool soon, with a fresh list. */
  wake?(pool: string): void;
}

export interface TickOptions {
  /** Pools to look at; all unless given. */
  readonly pools?: ReadonlySet<string>;
  /** The list may be as old as a tick: for kicks, which come often. */
  readonly cachedList?: boolean;
}

export interface Controller {
  /** Does nothing unless leading. Never throws. @returns the pools in which something is expected to change soon */
  tick(options?: TickOptions): Promise<ReadonlySet<string>>;
  /** What a first tick would do, without doing it: no call that changes anything, at the store or at a provider. */
  dryRun(): Promise<Readonly<Record<string, Plan>>>;
  /** From now on these pools drain, or with `force` are ended whatever they execute. */
  close(closing: Closing): void;
  /** Resolves when no action is under way. */
  settle(): Promise<void>;
  /** The same, and when no hook is running and every event has been written. */
  finish(): Promise<void>;
  statuses(): Readonly<Record<string, FullPoolStatus>>;
  /** Physical instances of these pools at the last tick. */
  physical(pools: ReadonlySet<string>): number;
}

export interface Closing {
  /** How long runners may go on with their calls. */
  readonly deadlineMs: number;
  readonly force: boolean;
  /** The pools that close; the others go on. */
  readonly pools: ReadonlySet<string>;
}

interface Reign {
  readonly term: Term;
  readonly pools: Map<string, PoolContext>;
  readonly raised: Set<string>;
  readonly breakers: Readonly<Record<string, string>>;
  readonly since: number;
}

export const createController = (options: ControllerOptions): Controller => {
  const { config, store, clock, log, leader } = options;
  // What platforms may have is theirs, whether they have it now or not.
  const quota = (config.quota ?? Number.POSITIVE_INFINITY) - maxOfPlatforms(config);
  const parts: ContextParts = {
    ...options,
    push: options.push ?? false,
    core: options.core ?? CORE,
    hooks: createHooks(clock, log),
    environment: environmentOf(config),
    limits: new Map<PoolBackend, ReturnType<typeof createLimit>>(),
    underWay: new Set<Promise<void>>(),
    wake: options.wake ?? (() => undefined),
    count: (pool) => latest.get(pool)?.physical ?? 0,
  };
  const listings = createListings({ app: config.app, owner: options.owner, clock, log });
  const latest = new Map<string, Ticked>();
  let reign: Reign | null = null;
  let closing: Closing | null = null;

  const reignOf = async (term: Term): Promise<Reign> => {
    if (reign?.term === term) return reign;
    const breakers = await store.statuses();
    reign = { term, pools: new Map(), raised: new Set(), breakers, since: clock.mono() };
    for (const pool of Object.values(config.pools))
      reign.pools.set(pool.name, buildContext(parts, term, pool, breakers));
    return reign;
  };

  const raise = async ({ term, raised }: Reign, ctx: PoolContext): Promise<void> => {
    const { name } = ctx.pool;
    if (raised.has(name)) return;
    if ((await store.raise(name, term.epoch)) === 'fenced') {
      term.depose('a pool is held by a newer epoch');
      return;
    }
    raised.add(name);
    ctx.emit({ type: 'leader.elected', reason: `epoch ${term.epoch}`, details: { epoch: term.epoch } });
  };

  const run = async (term: Term, { pools, cachedList = false }: TickOptions): Promise<ReadonlySet<string>> => {
    const current = await reignOf(term);
    // Taken before the records are read: an action that ends in between has written what we have not read.
    const busy = new Map([...current.pools].map(([name, ctx]) => [name, new Set(ctx.memory.busy)]));
    const records = await store.intents();
    addRetired(current, records);
    const contexts = [...current.pools.values()].filter(({ pool }) => pools === undefined || pools.has(pool.name));
    const launching = [...current.pools.values()].filter(launches);
    const listed = await listings.read(contexts.filter(launches), cachedList);
    const known = new Set(records.map(({ runnerId }) => runnerId));
    listings.noteStrays(listed, known);
    const shares = sharesOf(launching, listed, known);
    const free = quota - listings.strayCount();

    const expecting = new Set<string>();
    await Promise.all(
      contexts.map(async (ctx) => {
        const { name } = ctx.pool;
        try {
          await raise(current, ctx);
          if (!term.leads()) return;
          const own = records.filter((record) => record.pool === name);
          const result = launches(ctx)
            ? await tickPool(ctx, {
                records: own,
                busyBefore: busy.get(name) ?? new Set(),
                listing: shares.get(name) ?? null,
                listFailure: listings.failure(ctx.backend),
                quotaLeft: free - records.length,
                quota: free,
                closing: closingOf(name),
                dryRun: false,
              })
            : await tickPlatformPool(ctx, { records: own, dryRun: false });
          latest.set(name, result);
          if (result.expecting) expecting.add(name);
        } catch (error) {
          ctx.log.warn({ err: error }, 'a tick failed; the next one tries again');
        }
      }),
    );
    await beat(term);
    return expecting;
  };

  const closingOf = (name: string): PlanInput['closing'] => {
    if (closing?.pools.has(name)) return { cause: 'shutdown', deadlineMs: closing.deadlineMs, force: closing.force };
    return Object.hasOwn(config.pools, name) ? null : { cause: 'retired', deadlineMs: RETIRED_DRAIN_MS, force: false };
  };

  const addRetired = (current: Reign, records: readonly IntentRecord[]): void => {
    if (clock.mono() - current.since < RETIRE_AFTER_MS) return;
    for (const pool of retiredPools(config, records)) {
      if (!current.pools.has(pool.name)) current.pools.set(pool.name, buildContext(parts, current.term, pool, {}));
    }
  };

  const beat = async (term: Term): Promise<void> => {
    const statuses = [...latest].map(([name, { status }]) => [name, JSON.stringify(status)] as const);
    const result = await store.beat(term.epoch, Object.fromEntries(statuses));
    if (result === 'fenced') term.depose('the heartbeat was refused');
  };

  const tickNow = async (tickOptions: TickOptions): Promise<ReadonlySet<string>> => {
    const term = leader.current();
    if (term === null) return new Set();
    try {
      return await run(term, tickOptions);
    } catch (error) {
      log.warn({ err: error }, 'a tick failed; the next one tries again');
      return new Set();
    }
  };
  let lastTick: Promise<unknown> = Promise.resolve();

  return {
    tick(tickOptions = {}) {
      // One after the other: a plan stands on records that no other plan is changing.
      const result = lastTick.then(() => tickNow(tickOptions));
      lastTick = result;
      return result;
    },
    async dryRun() {
      const lease = { epoch: -1, at: clock.mono() };
      const probe = await store.observe(Object.keys(config.pools)[0] ?? '', [], 0);
      const term: Term = {
        epoch: lease.epoch,
        now: () => probe.now + clock.mono() - lease.at,
        leads: () => false,
        depose: () => undefined,
      };
      const breakers = await store.statuses();
      const records = await store.intents();
      const all = Object.values(config.pools).map((pool) => buildContext(parts, term, pool, breakers));
      const contexts = all.filter(launches);
      const listed = await listings.read(contexts, false);
      const known = new Set(records.map(({ runnerId }) => runnerId));
      listings.noteStrays(listed, known);
      const shares = sharesOf(contexts, listed, known);
      const free = quota - listings.strayCount();
      const plans = await Promise.all(
        contexts.map(async (ctx) => {
          const result = await tickPool(ctx, {
            records: records.filter((record) => record.pool === ctx.pool.name),
            busyBefore: new Set(),
            listing: shares.get(ctx.pool.name) ?? null,
            quotaLeft: free - records.length,
            quota: free,
            closing: null,
            dryRun: true,
          });
          return [ctx.pool.name, result.plan] as const;
        }),
      );
      // Nothing is launched or ended of these.
      const others = all.filter((ctx) => !launches(ctx)).map(({ pool }) => [pool.name, NOTHING] as const);
      return Object.fromEntries([...plans, ...others]);
    },
    close(next) {
      closing = next;
    },
    async settle() {
      while (parts.underWay.size > 0) await Promise.all(parts.underWay);
    },
    async finish() {
      await this.settle();
      await parts.hooks.settle();
      if (reign?.term.leads()) {
        for (const ctx of reign.pools.values()) {
          await flush(ctx);
          await thinRest(ctx);
        }
      }
    },
    statuses: () => Object.fromEntries([...latest].map(([name, { status }]) => [name, status])),
    physical: (pools) => [...latest].reduce((sum, [name, { physical }]) => sum + (pools.has(name) ? physical : 0), 0),
  };
};

/** What a tick leaves behind for whoever asks. */
interface Ticked {
  readonly status: FullPoolStatus;
  readonly physical: number;
}

const NOTHING: Plan = { actions: [], blocked: null };

const launches = (ctx: PoolContext): ctx is LaunchingPool => !isExternal(ctx.backend);

const maxOfPlatforms = ({ pools }: AppConfig): number =>
  Object.values(pools).reduce((sum, { backend, max }) => sum + (isExternal(backend) ? max : 0), 0);

/** A pool that the config no longer names is left alone for a while: another version of the app may still lead tomorrow. */
const RETIRE_AFTER_MS = 5 * 60_000;
const RETIRED_DRAIN_MS = 60 * 60_000;
