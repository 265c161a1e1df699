/** Runners as two sides know them: the autoscaler's intents, and what each runner says of itself. */

import { redisNow } from '@flamejs/protocol';
import type { RunnerState } from '@flamejs/queue';
import { type IntentView, parseIntent } from './intents.ts';
import { type Link, pipelined } from './link.ts';
import { toNumber, toRecord, toText } from './numbers.ts';
import type { RunnerView } from './types.ts';

/** Silence after which a runner that no autoscaler watches is taken for lost. */
const LOST_MS = 20_000;

export const readIntents = async (link: Link): Promise<readonly IntentView[]> =>
  (await link.client.hvals(link.app.intents)).map(parseIntent).filter((record) => record !== undefined);

/** @returns the pool's runners that are not gone, the oldest first. */
export const readRunners = async (
  link: Link,
  pool: string,
  allIntents?: readonly IntentView[],
): Promise<readonly RunnerView[]> => {
  const keys = link.keys(pool);
  const [intents, ids, now] = await Promise.all([
    allIntents ?? readIntents(link),
    link.client.zrange(keys.runners, '0', '-1'),
    redisNow(link.client),
  ]);
  const mine = new Map(intents.filter((i) => i.pool === pool).map((i) => [i.runnerId, i]));
  const known = [...new Set([...ids, ...mine.keys()])];
  const hashes = await pipelined(
    link.client,
    known.map((id) => ['hgetall', keys.runner(id)] as const),
  );
  return known
    .map((id, i) => toView(pool, id, mine.get(id), toRecord(hashes[i]), now))
    .sort((a, b) => a.startedAt - b.startedAt || a.runnerId.localeCompare(b.runnerId));
};

const toView = (
  pool: string,
  runnerId: string,
  intent: IntentView | undefined,
  agent: Readonly<Record<string, string>>,
  now: number,
): RunnerView => ({
  runnerId,
  pool,
  state: intent?.state ?? stateOf(agent, now),
  reason: toText(agent.reason) || (intent?.reason ?? ''),
  active: toNumber(agent.active),
  slots: toNumber(agent.slots) || (intent?.slots ?? 0),
  served: toNumber(agent.served),
  startedAt: intent?.createdAt ?? toNumber(agent.startedAt),
  heartbeatAt: toNumber(agent.heartbeatAt),
  idleSince: toNumber(agent.idleSince),
  release: toText(agent.release),
  host: toText(agent.host) || (intent?.location ?? ''),
  pid: toNumber(agent.pid),
  managed: intent !== undefined,
  backend: intent?.backend ?? '',
  instanceId: intent?.instanceId ?? '',
  details: intent?.details ?? {},
  protectedUntil: (intent?.protectedUntil ?? 0) > now ? (intent?.protectedUntil ?? 0) : 0,
});

const STATES: Readonly<Record<string, RunnerState>> = {
  starting: 'booting',
  ready: 'ready',
  draining: 'draining',
  drained: 'draining',
  ended: 'terminated',
};

const stateOf = (agent: Readonly<Record<string, string>>, now: number): RunnerState =>
  agent.state !== 'ended' && now - toNumber(agent.heartbeatAt) > LOST_MS
    ? 'lost'
    : (STATES[agent.state ?? ''] ?? 'lost');
