/** Everything that people ask of and do to an app: one object behind the pages, the JSON API and the command line. */

import { judgeServer, poolOfCallId, readServerFacts, redisNow } from '@flamejs/protocol';
import { type AppConfig, FlameConfigError, type Replay, type Tuner } from '@flamejs/queue';
import { redactText } from '@flamejs/queue/internal';
import { type Actions, createActions } from './act.ts';
import { readCall } from './call-detail.ts';
import { listCalls } from './call-list.ts';
import { type Link, openLink } from './link.ts';
import { type ShowOptions, showArguments, showOutcome } from './payloads.ts';
import { readPools } from './pools.ts';
import { createQueues, type Queues } from './queues.ts';
import { readRunners } from './runners.ts';
import { readEvents, readHistory } from './streams.ts';
import { readTimes } from './times.ts';
import { type Change, createTuning } from './tune.ts';
import type {
  CallDetail,
  CallPage,
  CallQuery,
  CallTimes,
  EventView,
  PoolView,
  RunnerView,
  Sample,
  Shown,
  SystemView,
  TuningView,
} from './types.ts';

export interface Operations {
  readonly link: Link;
  readonly queues: Queues;
  readonly act: Actions;
  /** @throws FlameConfigError when the config has no such pool */
  checkPool(name: string): string;
  /** @returns the pool that a call id names @throws FlameConfigError when it is no call id of this app */
  poolOf(callId: string): string;
  system(): Promise<SystemView>;
  pools(): Promise<readonly PoolView[]>;
  runners(pool?: string): Promise<readonly RunnerView[]>;
  /** Newest first; of all pools unless one is named. */
  events(pool: string | undefined, count: number): Promise<readonly EventView[]>;
  history(pool: string, count: number): Promise<readonly Sample[]>;
  times(pool: string): Promise<CallTimes>;
  tuning(pool: string): Promise<TuningView>;
  /** What the last hour would have been under changed settings. @throws FlameConfigError for a bad change */
  replay(pool: string, change: Change): Promise<Replay>;
  calls(query: CallQuery): Promise<CallPage>;
  /** @returns `undefined` when nothing is known of it (any more) */
  call(id: string): Promise<CallDetail | undefined>;
  arguments(id: string, options: ShowOptions): Promise<Shown>;
  outcome(id: string, options: ShowOptions): Promise<Shown>;
  /** What the call printed; the newest `count` lines, the oldest of them first. */
  logs(id: string, count: number): Promise<{ readonly lines: readonly string[]; readonly total: number }>;
  close(): Promise<void>;
}

/**
 * @param name names the connection in Redis' client list: `dashboard`, `cli`
 * @param tuner what judges live settings; without it they can neither be shown nor changed
 */
export const openOperations = (config: AppConfig, name: string, tuner?: Tuner): Operations => {
  const link = openLink(config, name);
  const queues = createQueues(link);
  const tuning = createTuning(link, tuner);
  const pools = Object.keys(config.pools);

  const checkPool = (pool: string): string => {
    if (Object.hasOwn(config.pools, pool)) return pool;
    const message = `there is no pool ${JSON.stringify(pool.slice(0, 80))} in app "${config.app}"; it has ${pools.join(', ')}`;
    throw new FlameConfigError(message, { problems: [{ path: 'pool', message }] });
  };
  const poolOf = (id: string): string => checkPool(poolOfCallId(id));

  return {
    link,
    queues,
    act: createActions(link, queues, tuning, name),
    checkPool,
    poolOf,
    system: () => readSystem(link),
    pools: () => readPools(link),
    async runners(pool) {
      const names = pool === undefined ? pools : [checkPool(pool)];
      return (await Promise.all(names.map((p) => readRunners(link, p)))).flat();
    },
    async events(pool, count) {
      const names = pool === undefined ? pools : [checkPool(pool)];
      const lists = await Promise.all(names.map((p) => readEvents(link, p, count)));
      return lists
        .flat()
        .sort((a, b) => b.at - a.at)
        .slice(0, count);
    },
    history: (pool, count) => readHistory(link, checkPool(pool), count),
    times: async (pool) => readTimes(link, checkPool(pool)),
    tuning: async (pool) => tuning.read(checkPool(pool)),
    replay: async (pool, change) => tuning.replay(checkPool(pool), change),
    calls: (query) => listCalls(link, query.pool === undefined ? query : { ...query, pool: checkPool(query.pool) }),
    call: async (id) => readCall(link, poolOf(id), id),
    arguments: async (id, options) => showArguments(link, poolOf(id), id, options),
    outcome: async (id, options) => showOutcome(link, poolOf(id), id, options),
    async logs(id, count) {
      const key = `${link.keys(poolOf(id)).queue}${id}:logs`;
      const [lines, total] = await Promise.all([link.client.lrange(key, -count, -1), link.client.llen(key)]);
      return { lines: lines.map(redactText), total };
    },
    async close() {
      await queues.close();
      link.close();
    },
  };
};

const readSystem = async (link: Link): Promise<SystemView> => {
  const [facts, now, beat] = await Promise.all([
    readServerFacts(link.client),
    redisNow(link.client),
    link.client.get(link.app.heartbeat),
  ]);
  return {
    app: link.config.app,
    release: link.config.release,
    redisVersion: facts.version,
    warnings: judgeServer(facts, link.config.allowEviction).map(({ message }) => message),
    autoscalerSilentMs: beat === null ? null : Math.max(0, now - Number(beat)),
    now,
  };
};
