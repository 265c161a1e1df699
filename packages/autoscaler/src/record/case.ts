/** What a sighting says of a runner: the questions by which its record moves. Pure. */

import type { RunnerRecord } from '@flamejs/protocol';
import type { InstanceProblem } from '@flamejs/queue';
import { describeEnd } from '../backends/instance-end.ts';
import type { Timing } from '../timing.ts';
import type { DrainIntent, IntentRecord } from './intent.ts';
import type { Sighting } from './sighting.ts';

/** A record, and what is seen of its runner. */
export interface Case {
  readonly record: IntentRecord;
  readonly seen: Sighting;
  readonly now: number;
  readonly timing: Timing;
}

export const hasNotBooted = (c: Case): boolean => {
  if (c.now - c.record.createdAt - c.seen.sleptMs < c.timing.bootTimeoutMs || c.seen.steadyMs < c.timing.steadyMs)
    return false;
  return c.seen.agent !== 'unknown';
};

/** Registered, with a heartbeat that moves, and able to take calls. */
export const isAnswering = (agent: RunnerRecord, seen: Sighting, timing: Timing): boolean =>
  agent.state !== 'ended' &&
  agent.state !== 'drained' &&
  agent.state !== 'starting' &&
  seen.silentMs < timing.suspectMs;

export const hasAcknowledged = (agent: RunnerRecord, drain: DrainIntent): boolean =>
  (agent.state === 'drained' || agent.state === 'ended') && agent.ackedDrain === drain.generation && agent.active === 0;

export const agentOf = ({ seen }: Case): RunnerRecord | undefined =>
  seen.agent === 'unknown' || seen.agent === null ? undefined : seen.agent;

export const isSilent = ({ seen, timing }: Case): boolean =>
  seen.agent !== 'unknown' && seen.silentMs >= timing.lostMs && seen.steadyMs >= timing.steadyMs;

export const isListed = ({ seen }: Case): boolean =>
  typeof seen.instance === 'object' && seen.instance.state !== 'gone';

/**
 * Certainly gone: the provider says so, or two whole listings in a row lack it, it has been there long enough to be listed,
 * and no runner answers from it. Of a launch without a known outcome, absence proves nothing.
 */
export const isGone = (c: Case): boolean => {
  const { record, seen, now, timing } = c;
  if (typeof seen.instance === 'object') return seen.instance.state === 'gone';
  if (seen.elsewhere) {
    const given = record.state === 'terminating' || record.state === 'failed' || record.state === 'lost';
    return given && seen.silentMs >= timing.elsewhereGoneMs && seen.locks !== 'held';
  }
  if (seen.instance === 'unknown' || record.launch.outcome !== 'accepted') return false;
  const agent = agentOf(c);
  const answers = agent !== undefined && agent.state !== 'ended' && seen.silentMs < timing.suspectMs;
  const graceOver = now - (record.launch.acceptedAt ?? record.createdAt) >= timing.graceMs;
  // Also for what the provider has agreed to end: a list that lags behind the launch lacks a machine that still goes on.
  return seen.absences >= 2 && seen.steadyMs >= timing.steadyMs && graceOver && !answers;
};

export const goneReason = ({ seen }: Case): string => {
  const end = typeof seen.instance === 'object' ? seen.instance.end : undefined;
  return end === undefined ? 'its machine is gone' : describeEnd(end);
};

/** For events, beside the words: what programs can count by. */
export const endDetails = ({ seen }: Case): Readonly<Record<string, unknown>> => {
  const {
    lastLines: _,
    reason: __,
    ...facts
  } = (typeof seen.instance === 'object' ? seen.instance.end : undefined) ?? {
    reason: '',
  };
  return facts;
};

/** What its provider says of an instance that does not come up. */
export const problemOf = ({ seen }: Case): InstanceProblem | undefined =>
  typeof seen.instance === 'object' && seen.instance.state === 'pending' ? seen.instance.problem : undefined;

/**
 * Why the provider takes a machine away that has not been seen ready: the runner's own words, or EC2's. That says nothing
 * about the image, so it must not count as a boot that failed.
 */
export const interruption = (c: Case): string | undefined => {
  const agent = agentOf(c);
  const { instance } = c.seen;
  const leaving =
    isGone(c) || agent?.state === 'ended' || (typeof instance === 'object' && instance.state === 'stopping');
  if (!leaving) return undefined;
  if (agent !== undefined && /^spot /.test(agent.reason)) return agent.reason;
  const told = typeof instance === 'object' ? (instance.end?.reason ?? instance.details?.stateReason) : undefined;
  return told !== undefined && /Spot/.test(told) ? `the provider took it away: ${told}` : undefined;
};
