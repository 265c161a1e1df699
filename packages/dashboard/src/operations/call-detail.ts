/** One call: where it is and why, what it cost so far, and what can be done about it. */

import { explainWaiting, inspectCall, parseEnvelope, parseHead, parsePoolStatus } from '@flamejs/protocol';
import { redactText } from '@flamejs/queue/internal';
import type { Link } from './link.ts';
import { parseObject, toNumber } from './numbers.ts';
import type { CallDetail } from './types.ts';

/** @returns `undefined` when nothing is known of it (any more) */
export const readCall = async (link: Link, pool: string, id: string): Promise<CallDetail | undefined> => {
  const keys = link.keys(pool);
  const [call, statusJson, job, outcome, pttl] = await Promise.all([
    inspectCall(link.client, keys, id),
    link.client.hget(link.app.pools, pool),
    link.client.hmget(`${keys.queue}${id}`, 'data', 'finishedOn', 'f:ms', 'f:nano'),
    link.client.hmget(keys.outcome(id), 'head', 'at'),
    link.client.pttl(keys.outcome(id)),
  ]);
  if (call.state === 'missing') return undefined;
  const head = call.state === 'settled' && outcome[0] ? parseHead(outcome[0]) : undefined;
  const { reason, text } = explainWaiting(pool, call, parsePoolStatus(statusJson));
  const data = parseObject(job[0]);
  const envelope = data === undefined ? undefined : parseEnvelope(data);
  const known = typeof envelope === 'object' ? envelope : undefined;
  const state = head === undefined ? STATES[call.state] : head.ok ? 'succeeded' : 'failed';
  return {
    id,
    pool,
    functionName: call.functionName || (known?.fn ?? ''),
    state,
    reason,
    text: head === undefined || head.ok ? text : redactText(`${head.kind}: ${head.message}`),
    generation: call.generation,
    attempts: head?.attempts ?? call.attempts,
    runnerLosses: head?.runnerLosses ?? call.runnerLosses,
    history: call.history.map((past) => ({ ...past, ended: redactText(past.ended) })),
    executorKills: call.executorKills,
    runnerId: call.runnerId ?? head?.runnerId ?? '',
    ahead: call.ahead,
    enqueuedAt: call.enqueuedAt,
    startedAt: head?.startedAt || call.startedAt,
    finishedAt: head === undefined ? 0 : toNumber(outcome[1]) || toNumber(job[1]),
    dueAt: call.dueAt,
    deadlineAt: call.deadlineAt,
    waitedMs: state === 'waiting' ? call.waitedMs : 0,
    keptUntil: head !== undefined && pttl > 0 ? call.now + pttl : 0,
    argumentsSize: known?.size ?? null,
    outcomeSize: head?.size ?? null,
    errorKind: head === undefined || head.ok ? '' : head.kind,
    release: known?.release ?? '',
    timeoutMs: known?.opts.timeoutMs ?? null,
    retries: known?.opts.retries ?? null,
    // Without its job there is nothing to run again, although its outcome is still kept.
    canRetry: state === 'failed' && job[0] !== null,
    canCancel: state === 'waiting' || state === 'delayed' || state === 'running',
    machineMs: toNumber(job[2]),
    costDollars: job[3] === null || job[3] === undefined ? null : toNumber(job[3]) * 1e-9,
    now: call.now,
  };
};

const STATES = {
  waiting: 'waiting',
  delayed: 'delayed',
  active: 'running',
  orphaned: 'running',
  settled: 'unknown',
  expired: 'unknown',
  lost: 'unknown',
  missing: 'unknown',
} as const;
