/**
 * The life of a runner, as far as observation alone moves it: what a record becomes when this is seen. Orders (launch,
 * drain, terminate) are the plan's business. Pure.
 *
 *   requested ─▶ booting ─▶ ready ─▶ draining ─▶ terminating ─▶ terminated
 *        └──────────┴─▶ failed ─▶ terminating        ▲
 *   ready, draining ─▶ lost (silent) ─▶ back, or ────┘
 */

import type { PoolEvent, RunnerRecord } from '@flamejs/protocol';
import { formatDuration, type LaunchErrorKind, type RunnerState } from '@flamejs/queue';
import type { Timing } from '../timing.ts';
import {
  agentOf,
  type Case,
  endDetails,
  goneReason,
  hasAcknowledged,
  hasNotBooted,
  interruption,
  isAnswering,
  isGone,
  isListed,
  isSilent,
  problemOf,
} from './case.ts';
import type { DrainIntent, Grounds, IntentRecord } from './intent.ts';
import { withoutFuture } from './rebase.ts';
import type { Sighting } from './sighting.ts';

export interface Happening {
  readonly type: PoolEvent['type'];
  readonly reason: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

export interface Advanced {
  /** State `terminated`: the instance is certainly gone and the record may be dropped. */
  readonly record: IntentRecord;
  readonly happened: readonly Happening[];
}

export const advance = (record: IntentRecord, seen: Sighting, now: number, timing: Timing): Advanced => {
  const known = withInstance(withoutFuture(record, now, timing.retryMaxMs), seen);
  return RULES[known.state]({ record: known, seen, now, timing }) ?? { record: known, happened: [] };
};

const RULES: Readonly<Record<RunnerState, (c: Case) => Advanced | undefined>> = {
  requested: (c) => {
    if (isGone(c)) return fail(c, goneReason(c));
    if (isListed(c) || agentOf(c) !== undefined) {
      const launched: IntentRecord = {
        ...c.record,
        launch: { ...c.record.launch, outcome: 'accepted', acceptedAt: c.now },
      };
      return move({ ...c, record: launched }, 'booting', 'the provider has it', 'runner.launched');
    }
    return undefined;
  },
  booting: (c) => {
    const agent = agentOf(c);
    const taken = interruption(c);
    if (taken !== undefined) return takenAway(c, taken);
    // Its own words say more than what its machine says of its end.
    if (agent?.state === 'ended') return failByItself(c, agent);
    if (isGone(c)) return fail(c, goneReason(c));
    if (agent !== undefined && agent.state !== 'starting' && c.seen.silentMs < c.timing.suspectMs) {
      const bootMs = c.now - c.record.createdAt;
      return move(
        { ...c, record: { ...c.record, readyAt: c.now } },
        'ready',
        `ready after ${formatDuration(Math.round(bootMs))}`,
        'runner.ready',
        {
          bootMs,
        },
      );
    }
    const problem = problemOf(c);
    if (problem?.final === true) return fail(c, problem.reason, { kind: problem.kind, definite: true });
    if (!hasNotBooted(c)) return undefined;
    const late = `it did not become ready within ${c.timing.bootTimeoutMs} ms (bootTimeout)`;
    return problem === undefined ? fail(c, late) : fail(c, `${late}: ${problem.reason}`, { kind: problem.kind });
  },
  ready: (c) => {
    const agent = agentOf(c);
    if (isGone(c)) return vanish(c);
    if (agent?.state === 'ended') return end(c, agent);
    if (isSilent(c)) return move(c, 'lost', `no heartbeat for ${c.seen.silentMs} ms`, 'runner.lost');
    // Acknowledging an order that was taken back in the same moment: its next heartbeat tells which of the two it is.
    const crossed = agent?.state === 'drained' && agent.ackedDrain > 0 && agent.drain === 0;
    if (agent !== undefined && !crossed && (agent.state === 'draining' || agent.state === 'drained')) {
      return drainsItself(c, agent);
    }
    return undefined;
  },
  draining: (given) => {
    const c = registered(given);
    const agent = agentOf(c);
    const drain = c.record.drain;
    if (agent !== undefined && drain !== null && hasAcknowledged(agent, drain)) {
      const record = { ...c.record, drain: { ...drain, acknowledged: true } };
      const ended = terminating({ ...c, record }, 'drained', drain.reason, 'runner.drained');
      if (!isGone(c)) return ended;
      const last = vanish({ ...c, record: ended.record });
      return { record: last.record, happened: [...ended.happened, ...last.happened] };
    }
    if (isGone(c)) return vanish(c);
    if (agent?.state === 'ended') return end(c, agent);
    if (drain !== null && drain.deadlineAt !== null && c.now - c.seen.sleptMs >= drain.deadlineAt) {
      return terminating(c, 'deadline', `${drain.reason}: not drained in time`, 'runner.ended');
    }
    if (c.record.readyAt === null)
      return hasNotBooted(c) ? terminating(c, 'boot-failed', NEVER_UP, 'runner.ended') : undefined;
    if (isSilent(c)) return move(c, 'lost', `no heartbeat for ${c.seen.silentMs} ms while draining`, 'runner.lost');
    return undefined;
  },
  lost: (c) => {
    const agent = agentOf(c);
    if (isGone(c)) return vanish(c);
    if (agent?.state === 'ended') return end(c, agent);
    if (agent !== undefined && c.seen.silentMs < c.timing.suspectMs) {
      return move(c, c.record.drain === null ? 'ready' : 'draining', 'it answers again', 'runner.ready');
    }
    if (isSilent(c) && c.seen.locks === 'none') {
      return terminating(c, 'lost', `silent for ${c.seen.silentMs} ms and no lock left`, 'runner.ended');
    }
    return undefined;
  },
  failed: (c) => (isGone(c) ? gone(c) : comesBack(c)),
  terminating: (c) => (isGone(c) ? gone(c) : comesBack(c)),
  terminated: () => undefined,
};

/**
 * It answers although it was given up, and no termination has been accepted yet: it may hold calls by now. One that was
 * lost goes on; one that comes too late is no capacity, but it is drained like any other.
 */
const comesBack = (c: Case): Advanced | undefined => {
  const agent = agentOf(c);
  const { grounds, terminate, drain } = c.record;
  if (agent === undefined || !isAnswering(agent, c.seen, c.timing)) return undefined;
  if (terminate !== null && terminate.acceptedAt !== null) return undefined;
  if (grounds === 'lost') {
    const record: IntentRecord = { ...c.record, grounds: null, terminate: null };
    return move({ ...c, record }, drain === null ? 'ready' : 'draining', 'it answers again', 'runner.ready');
  }
  if (grounds !== 'boot-failed' && grounds !== 'orphan') return undefined;
  const record: IntentRecord = { ...c.record, grounds: null, terminate: null, readyAt: c.now };
  return drains({ ...c, record }, { cause: 'late', reason: `it came too late: ${c.record.reason}`, deadlineAt: null });
};

const NEVER_UP = 'told to drain while it booted, and never heard of';

/** Told to drain while it booted: from the moment it answers it may hold calls like any other. */
const registered = (c: Case): Case => {
  const agent = agentOf(c);
  if (c.record.readyAt !== null || agent === undefined || agent.state === 'starting') return c;
  return { ...c, record: { ...c.record, readyAt: c.now } };
};

/** A runner's own drain needs an end too: as long as it was promised, and some slack for the walk to it. */
const SELF_DRAIN_SLACK_MS = 10_000;

const drainsItself = (c: Case, agent: RunnerRecord): Advanced => {
  const reason = agent.reason === '' ? 'the runner drains by itself' : agent.reason;
  const deadlineAt = c.now + c.timing.shutdownTimeoutMs + SELF_DRAIN_SLACK_MS;
  return drains(c, { cause: 'self', reason, deadlineAt });
};

const drains = (c: Case, why: Pick<DrainIntent, 'cause' | 'reason' | 'deadlineAt'>): Advanced => {
  const generation = c.record.generation + 1;
  const drain: DrainIntent = { ...why, generation, since: c.now, acknowledged: false };
  return move({ ...c, record: { ...c.record, generation, drain } }, 'draining', why.reason, 'runner.draining', {
    cause: why.cause,
  });
};

interface Verdict {
  /** The next one will fail for the same reason. */
  readonly definite?: true;
  readonly kind?: LaunchErrorKind;
}

const fail = (c: Case, reason: string, details: Verdict = {}): Advanced => {
  const record: IntentRecord = { ...c.record, grounds: 'boot-failed' };
  return move({ ...c, record }, isGone(c) ? 'terminated' : 'failed', reason, 'runner.failed', {
    afterMs: c.now - c.record.createdAt,
    ...details,
    ...endDetails(c),
  });
};

const failByItself = (c: Case, { reason, fault }: RunnerRecord): Advanced =>
  fail(c, reason === '' ? 'the runner ended while it booted' : reason, fault === 'modules' ? { definite: true } : {});

const takenAway = (c: Case, reason: string): Advanced => {
  const record: IntentRecord = { ...c.record, grounds: 'ended' };
  const text = `before it was ready: ${reason}`;
  return move({ ...c, record }, isGone(c) ? 'terminated' : 'terminating', text, 'runner.ended', { interrupted: true });
};

/** A runner that was ready is gone without our doing: what it executed has to be taken back. */
const vanish = (c: Case): Advanced => {
  const orderly = agentOf(c)?.state === 'ended' || c.record.drain !== null;
  return move(c, 'terminated', goneReason(c), orderly ? 'runner.terminated' : 'runner.lost', endDetails(c));
};

const gone = (c: Case): Advanced => move(c, 'terminated', c.record.reason, 'runner.terminated');

const end = (c: Case, agent: RunnerRecord): Advanced =>
  terminating(c, 'ended', agent.reason === '' ? 'the runner ended' : agent.reason, 'runner.ended');

const terminating = (c: Case, grounds: Grounds, reason: string, type: PoolEvent['type']): Advanced =>
  move({ ...c, record: { ...c.record, grounds } }, 'terminating', reason, type, { grounds });

const move = (
  { record, now }: Case,
  state: RunnerState,
  reason: string,
  type: PoolEvent['type'],
  details?: Readonly<Record<string, unknown>>,
): Advanced => ({
  record: { ...record, state, stateSince: now, reason },
  happened: [details === undefined ? { type, reason } : { type, reason, details }],
});

/** The provider's id and place are learned whenever they are seen, so that a lost launch reply costs nothing. */
const withInstance = (record: IntentRecord, seen: Sighting): IntentRecord => {
  if (typeof seen.instance !== 'object' || record.instanceId === seen.instance.id) return record;
  const { id, location, details } = seen.instance;
  return { ...record, instanceId: id, location: location ?? record.location, details: details ?? record.details };
};
