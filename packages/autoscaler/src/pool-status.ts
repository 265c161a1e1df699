/** What the leader says of a pool in the registry, for callers, the dashboard and the next leader. */

import { type PlatformStatus, type PoolStatus, parseObject, parsePlatform } from '@flamejs/protocol';
import type { RunnerState } from '@flamejs/queue';
import { type Breaker, type BreakerTiming, CLOSED } from './plan/breaker.ts';
import { countStates } from './plan/counts.ts';
import type { ReleaseChoice } from './plan/release.ts';
import type { PoolContext } from './pool-context.ts';
import type { IntentRecord } from './record/intent.ts';

export interface FullPoolStatus extends PoolStatus {
  readonly pool: string;
  readonly policy: string;
  readonly epoch: number;
  readonly paused: boolean;
  /** The policy's number before bounds; `null` while it holds. */
  readonly desired: number | null;
  /** After min and max; `null` while what is needed is not known. */
  readonly wanted: number | null;
  readonly useful: number;
  readonly states: Readonly<Record<RunnerState, number>>;
  readonly reasons: readonly string[];
  /** How long the oldest waiting call has waited; 0 when none does. */
  readonly oldestWaitMs: number;
  /** Machines that cannot be ended. */
  readonly stuck: number;
  readonly breaker: Breaker;
  /** Of which runners are launched, since when (Redis ms), and the autoscaler's own. */
  readonly release: string;
  readonly releaseSince: number;
  readonly ownRelease: string;
}

export interface StatusInput {
  readonly at: number;
  readonly records: readonly IntentRecord[];
  readonly physical: number;
  readonly useful: number;
  readonly oldestWaitMs: number;
}

export const statusOf = (
  ctx: PoolContext,
  { at, records, physical, useful, oldestWaitMs }: StatusInput,
): FullPoolStatus => {
  const { memory, pool } = ctx;
  const states = countStates(records);
  const failing = memory.breaker.wavesFailed > 0 || memory.breaker.open;
  return {
    pool: pool.name,
    min: memory.effective.min,
    max: memory.effective.max,
    maxConcurrency: pool.maxConcurrency,
    backend: ctx.backend.name,
    bootTimeoutMs: pool.bootTimeoutMs,
    at,
    physical,
    useful,
    ready: states.ready,
    booting: states.requested + states.booting,
    states,
    ...(failing && memory.breaker.reason !== null ? { bootFailure: memory.breaker.reason } : {}),
    ...(memory.breaker.failedAt === null ? {} : { bootFailedAt: memory.breaker.failedAt }),
    ...(memory.breaker.open ? { unbootable: true } : {}),
    ...(memory.blocked === null ? {} : { blocked: memory.blocked }),
    policy: memory.effective.policy.name,
    epoch: ctx.term.epoch,
    paused: memory.paused ?? false,
    desired: memory.desired,
    wanted: memory.target?.wanted ?? null,
    reasons: memory.reasons,
    oldestWaitMs,
    stuck: memory.stuckTold.size,
    breaker: memory.breaker,
    release: memory.release.release,
    releaseSince: memory.release.since,
    ownRelease: ctx.release,
  };
};

/**
 * What the callers' release has made of the pool survives its leader, unless an autoscaler of another release takes over:
 * that is a deployment. @param text the registry's entry
 */
export const releaseFrom = (text: string | undefined, own: string, now: number): ReleaseChoice => {
  const fresh = { release: own, since: now };
  if (text === undefined) return fresh;
  try {
    const { release, releaseSince, ownRelease } = JSON.parse(text) as Partial<FullPoolStatus>;
    if (ownRelease !== own || typeof release !== 'string' || typeof releaseSince !== 'number') return fresh;
    return { release, since: Math.min(releaseSince, now) };
  } catch {
    return fresh;
  }
};

/**
 * The breaker survives its leader, or a crash loop would launch a broken image again and again. Another release starts
 * with a closed one. @param text the registry's entry
 */
export const breakerFrom = (text: string | undefined, release: string, now: number, timing: BreakerTiming): Breaker => {
  if (text === undefined) return CLOSED;
  try {
    const status = JSON.parse(text) as Partial<FullPoolStatus>;
    if (status.release !== release || typeof status.breaker !== 'object' || status.breaker === null) return CLOSED;
    const breaker = { ...CLOSED, ...status.breaker };
    // As far ahead as this only if the clock has been set back since.
    return {
      ...breaker,
      notBefore: Math.min(breaker.notBefore, now + timing.probeMaxMs),
      waveAt: Math.min(breaker.waveAt ?? 0, now),
    };
  } catch {
    return CLOSED;
  }
};

/** What a platform was told last holds until this leader has seen enough to decide. @param text the registry's entry */
export const platformFrom = (text: string | undefined): PlatformStatus | null =>
  parsePlatform(parseObject(text)?.platform) ?? null;
