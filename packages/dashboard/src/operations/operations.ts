/** Everything that people ask of and do to an app: one object behind the pages, the JSON API and the command line. */

import {
  judgeServer,
  type LimitKeyView,
  type LimitView,
  poolOfCallId,
  readLimitKeys,
  readLimits,
  readServerFacts,
  redisNow,
} from '@flamejs/protocol';
import type { AppConfig, TracedCall, Tuner } from '@flamejs/queue';
import { redactText } from '@flamejs/queue/internal';
import { type Actions, createActions } from './act.ts';
import { type OpenAlert, readAlerts, testAlerts } from './alerts.ts';
import { type AuditEntry, audited, readAudit } from './audit.ts';
import { readCall } from './call-detail.ts';
import { listCalls } from './call-list.ts';
import { type PoolCosts, readCosts } from './costs.ts';
import { readTrace } from './exact-trace.ts';
import { readFindings } from './findings.ts';
import { type Link, openLink } from './link.ts';
import { type ShowOptions, showArguments, showOutcome } from './payloads.ts';
import { checkPoolName, readPoolNames } from './pool-names.ts';
import { readPools } from './pools.ts';
import { createQueues, type Queues } from './queues.ts';
import { type Range, readRange } from './range.ts';
import { readRunners } from './runners.ts';
import { readEvents, readHistory } from './streams.ts';
import { readTimes } from './times.ts';
import { createTuning, type Tuning } from './tune.ts';
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
  /** Those of the config, and those that were taken out of it and of which something is left. */
  poolNames(): Promise<readonly string[]>;
  /** @throws FlameConfigError when neither the config nor Redis has such a pool */
  checkPool(name: string): Promise<string>;
  /** @returns the pool that a call id names @throws FlameConfigError when it is no call id of this app */
  poolOf(callId: string): Promise<string>;
  system(): Promise<SystemView>;
  /** Records that cannot be read, and schedules that nobody runs: a sentence for each. At most 5 s old. */
  findings(): Promise<readonly string[]>;
  pools(): Promise<readonly PoolView[]>;
  /** Limits of the pool that calls have been made under. */
  limits(pool: string): Promise<readonly LimitView[]>;
  /** Those of their keys that have most calls now, at most 100. */
  limitKeys(pool: string): Promise<readonly LimitKeyView[]>;
  runners(pool?: string): Promise<readonly RunnerView[]>;
  /** Newest first; of all pools unless one is named. */
  events(pool: string | undefined, count: number): Promise<readonly EventView[]>;
  history(pool: string, count: number): Promise<readonly Sample[]>;
  /** Over up to a month. @param from Redis ms @param to Redis ms; until now unless given */
  range(pool: string, from: number, to?: number): Promise<Range>;
  /** What the leader finds wrong now, the oldest first. */
  alerts(): Promise<readonly OpenAlert[]>;
  /** Sends an alert that means nothing. @returns how it went */
  testAlerts(by: string): ReturnType<typeof testAlerts>;
  /** Who has changed what of a pool, newest first. */
  audit(pool: string, count: number): Promise<readonly AuditEntry[]>;
  times(pool: string): Promise<CallTimes>;
  /** What its machines have cost since it is counted. */
  costs(pool: string): Promise<PoolCosts>;
  tuning(pool: string): Promise<TuningView>;
  /** What the last hour would have been under changed settings. @throws FlameConfigError for a bad change */
  readonly replay: Tuning['replay'];
  readonly recorded: Tuning['recorded'];
  readonly simulate: Tuning['simulate'];
  readonly search: Tuning['search'];
  /** The calls that have ended and are still known, in no order: what the simulator serves again. */
  trace(pool: string): AsyncIterable<TracedCall>;
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
  const findings = seldom(FINDINGS_MS, () => readFindings(link, tuner));
  const checkPool = (pool: string): Promise<string> => checkPoolName(link, pool);
  const poolOf = async (id: string): Promise<string> => checkPool(poolOfCallId(id));
  const namesOf = async (pool: string | undefined): Promise<readonly string[]> =>
    pool === undefined ? readPoolNames(link) : [await checkPool(pool)];

  return {
    link,
    queues,
    limits: (pool) => readLimits(link.client, link.keys(pool)),
    limitKeys: (pool) => readLimitKeys(link.client, link.keys(pool)),
    act: audited(link, createActions(link, queues, tuning, name), name),
    poolNames: () => readPoolNames(link),
    checkPool,
    poolOf,
    system: () => readSystem(link, findings),
    findings,
    pools: () => readPools(link),
    async runners(pool) {
      const names = await namesOf(pool);
      return (await Promise.all(names.map((p) => readRunners(link, p)))).flat();
    },
    async events(pool, count) {
      const names = await namesOf(pool);
      const lists = await Promise.all(names.map((p) => readEvents(link, p, count)));
      return lists
        .flat()
        .sort((a, b) => b.at - a.at)
        .slice(0, count);
    },
    history: async (pool, count) => readHistory(link, await checkPool(pool), count),
    async range(pool, from, to) {
      const now = await redisNow(link.client);
      return readRange(link, await checkPool(pool), from, to ?? now, now);
    },
    alerts: () => readAlerts(link),
    testAlerts: (by) => testAlerts(link, by),
    audit: async (pool, count) => readAudit(link, await checkPool(pool), count),
    times: async (pool) => readTimes(link, await checkPool(pool)),
    costs: async (pool) => readCosts(link, await checkPool(pool)),
    tuning: async (pool) => tuning.read(await checkPool(pool)),
    replay: async (pool, ...rest) => tuning.replay(await checkPool(pool), ...rest),
    recorded: async (pool) => tuning.recorded(await checkPool(pool)),
    simulate: async (pool, ...rest) => tuning.simulate(await checkPool(pool), ...rest),
    search: async (pool, ...rest) => tuning.search(await checkPool(pool), ...rest),
    async *trace(pool) {
      yield* readTrace(link, await checkPool(pool));
    },
    calls: async (query) => listCalls(link, await namesOf(query.pool), query),
    call: async (id) => readCall(link, await poolOf(id), id),
    arguments: async (id, options) => showArguments(link, await poolOf(id), id, options),
    outcome: async (id, options) => showOutcome(link, await poolOf(id), id, options),
    async logs(id, count) {
      const key = `${link.keys(await poolOf(id)).queue}${id}:logs`;
      const [lines, total] = await Promise.all([link.client.lrange(key, -count, -1), link.client.llen(key)]);
      return { lines: lines.map(redactText), total };
    },
    async close() {
      await queues.close();
      link.close();
    },
  };
};

/** They are read from whole hashes, and pages ask each second. */
const FINDINGS_MS = 5_000;

const seldom = <T>(everyMs: number, read: () => Promise<T>): (() => Promise<T>) => {
  let last: { readonly at: number; readonly value: Promise<T> } | undefined;
  return () => {
    const now = performance.now();
    if (last === undefined || now - last.at > everyMs) {
      const value = read();
      last = { at: now, value };
      value.catch(() => {
        last = undefined;
      });
    }
    return last.value;
  };
};

const readSystem = async (link: Link, findings: () => Promise<readonly string[]>): Promise<SystemView> => {
  const [facts, now, beat, found] = await Promise.all([
    readServerFacts(link.client),
    redisNow(link.client),
    link.client.get(link.app.heartbeat),
    findings(),
  ]);
  return {
    app: link.config.app,
    release: link.config.release,
    redisVersion: facts.version,
    warnings: [...judgeServer(facts, link.config.allowEviction).map(({ message }) => message), ...found],
    autoscalerSilentMs: beat === null || !Number.isFinite(Number(beat)) ? null : Math.max(0, now - Number(beat)),
    now,
  };
};
