/** The pools of the config with their live numbers: the queue by Redis, the runners by runners and autoscaler. */

import { parsePlatform, queueBase, redisNow } from '@flamejs/protocol';
import type { RunnerState } from '@flamejs/queue';
import { RUNNER_STATES } from './intents.ts';
import { type Link, pipelined } from './link.ts';
import { parseObject, toNumber, toText } from './numbers.ts';
import { readPoolNames } from './pool-names.ts';
import { readIntents, readRunners } from './runners.ts';
import { summarise } from './summary.ts';
import type { PoolView, RunnerView } from './types.ts';

export const readPools = async (link: Link): Promise<readonly PoolView[]> => {
  const [now, names, registry, intents] = await Promise.all([
    redisNow(link.client),
    readPoolNames(link),
    link.client.hgetall(link.app.pools),
    readIntents(link),
  ]);
  const views = await Promise.all(
    names.map(async (name) => {
      const [queue, runners] = await Promise.all([readQueue(link, name, now), readRunners(link, name, intents)]);
      return toView(link, name, { now, queue, runners, registry: registry[name] });
    }),
  );
  return views.filter((view) => view.configured || isLeft(view));
};

/** Whether there is anything to see of a pool that the config does not have. */
const isLeft = ({ waiting, delayed, active, failed, succeeded, runners }: PoolView): boolean =>
  [waiting, delayed, active, failed, succeeded, ...Object.values(runners)].some((count) => count > 0);

interface QueueNumbers {
  readonly paused: boolean;
  readonly waiting: number;
  readonly delayed: number;
  readonly active: number;
  readonly failed: number;
  readonly succeeded: number;
  readonly lastStartAt: number;
  readonly oldestWaitMs: number;
}

const readQueue = async (link: Link, pool: string, now: number): Promise<QueueNumbers> => {
  const { queue: own, lastStart } = link.keys(pool);
  const { bullmq } = link.config.pools[pool] ?? {};
  // What waits for the runners of such a pool stands in a queue that is BullMQ's alone.
  const queue = bullmq === undefined ? own : queueBase(bullmq);
  const replies = await pipelined(link.client, [
    ['llen', `${queue}wait`],
    ['zcard', `${queue}prioritized`],
    ['zcard', `${queue}delayed`],
    ['llen', `${queue}active`],
    ['zcard', `${queue}failed`],
    ['zcard', `${queue}completed`],
    ['hexists', `${queue}meta`, 'paused'],
    ['get', lastStart],
    // The end of the list is served next.
    ['lindex', `${queue}wait`, -1],
    ['zrange', `${queue}prioritized`, 0, 0],
    // Where BullMQ keeps what waits in a queue that is paused; a pool of calls has no such list.
    ['llen', `${queue}paused`],
  ]);
  const n = (at: number): number => toNumber(replies[at]);
  const next = toText(replies[8]) || toText((replies[9] as string[] | undefined)?.[0]);
  const since =
    next === '' ? null : await link.client.hget(`${queue}${next}`, bullmq === undefined ? 'f:since' : 'timestamp');
  return {
    waiting: n(0) + n(1) + n(10),
    delayed: n(2),
    active: n(3),
    failed: n(4),
    succeeded: n(5),
    paused: n(6) === 1,
    lastStartAt: n(7),
    oldestWaitMs: since === null ? 0 : Math.max(0, now - toNumber(since)),
  };
};

interface Sources {
  readonly now: number;
  readonly queue: QueueNumbers;
  readonly runners: readonly RunnerView[];
  readonly registry: string | undefined;
}

const toView = (link: Link, name: string, { now, queue, runners, registry }: Sources): PoolView => {
  const config = link.config.pools[name];
  const status = parseObject(registry) ?? {};
  const states = Object.fromEntries(
    RUNNER_STATES.map((state) => [state, runners.filter((r) => r.state === state).length]),
  ) as Record<RunnerState, number>;
  const disobeys = parsePlatform(status.platform)?.disobeys;
  const facts = {
    name,
    configured: config !== undefined,
    ...queue,
    // Live settings may differ from the config's, and the autoscaler knows them.
    min: toNumber(status.min ?? config?.min),
    max: toNumber(status.max ?? config?.max),
    maxConcurrency: config?.maxConcurrency ?? 1,
    backend: toText(status.backend) || (config?.backend?.name ?? 'local'),
    policy: toText(status.policy) || (config?.policy?.name ?? 'queueDepth'),
    wanted: typeof status.wanted === 'number' ? status.wanted : null,
    reasons: Array.isArray(status.reasons) ? status.reasons.map(toText) : [],
    runners: states,
    slots: runners.filter((r) => r.state === 'ready').reduce((sum, r) => sum + r.slots, 0),
    ...(typeof status.bootFailure === 'string' ? { bootFailure: status.bootFailure } : {}),
    ...(typeof status.blocked === 'string' ? { blocked: status.blocked } : {}),
    ...(disobeys === undefined ? {} : { disobeys }),
    autoscaledAt: toNumber(status.at),
  };
  return { ...facts, ...summarise({ ...facts, now }) };
};
