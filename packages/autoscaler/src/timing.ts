/** All waiting times of one pool, derived once from its config and its backend. Milliseconds. */
import type { BackendDefaults, PoolConfig } from '@flamejs/queue';

export interface Timing {
  readonly tickMs: number;
  /** While something is expected to change. */
  readonly fastTickMs: number;
  readonly bootTimeoutMs: number;
  /** Bounds one call of the backend. */
  readonly callTimeoutMs: number;
  /** A heartbeat that stands still this long makes a runner suspect, then lost. */
  readonly suspectMs: number;
  readonly lostMs: number;
  /** How long a machine that was just launched may be missing from the provider's list. */
  readonly graceMs: number;
  /** An instance that nothing knows is ended when it has been seen this long, at least twice. */
  readonly orphanMs: number;
  /** Unbroken observation that every negative judgement needs, so that an outage of ours is not blamed on runners. */
  readonly steadyMs: number;
  /** After this long without heartbeat a runner on another host has ended itself. */
  readonly elsewhereGoneMs: number;
  /** Replays of unknown launches and failed terminations: first pause, and the longest. */
  readonly retryMs: number;
  readonly retryMaxMs: number;
  /** Reported as an event when a termination has failed for so long. */
  readonly stuckMs: number;
  readonly shutdownTimeoutMs: number;
  /** How old a listing may be when a kick asks for a launch. */
  readonly listMaxAgeMs: number;
}

export const HEARTBEAT_MS = 2_000;

export const timingOf = (
  pool: Pick<PoolConfig, 'bootTimeoutMs' | 'shutdownTimeoutMs' | 'heartbeatTimeoutMs'>,
  backend: BackendDefaults,
): Timing => ({
  tickMs: backend.tickMs,
  fastTickMs: backend.fastTickMs,
  bootTimeoutMs: pool.bootTimeoutMs,
  callTimeoutMs: clamp(backend.bootTimeoutMs / 5, 10_000, 60_000),
  suspectMs: 5 * HEARTBEAT_MS,
  lostMs: 10 * HEARTBEAT_MS,
  graceMs: clamp(backend.bootTimeoutMs * 0.4, 1_000, 120_000),
  orphanMs: clamp(backend.bootTimeoutMs * 0.4, 5_000, 120_000),
  steadyMs: 2 * HEARTBEAT_MS,
  elsewhereGoneMs: pool.heartbeatTimeoutMs + pool.shutdownTimeoutMs,
  retryMs: clamp(backend.tickMs, 500, 10_000),
  retryMaxMs: clamp(backend.bootTimeoutMs, 30_000, 300_000),
  stuckMs: 15 * 60_000,
  shutdownTimeoutMs: pool.shutdownTimeoutMs,
  listMaxAgeMs: backend.tickMs,
});

const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));
