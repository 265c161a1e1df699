/**
 * The circuit breaker of one pool: when machines keep failing to boot it stops launching and tries one at a time, ever
 * less often. Runners that were launched together fail together, so a wave of them counts as one outcome. Pure.
 */

export interface BreakerTiming {
  /** First pause after a failed wave; doubles. */
  readonly backoffMs: number;
  /** First pause before a single probe once it is open; doubles up to `probeMaxMs`. */
  readonly probeMs: number;
  readonly probeMaxMs: number;
}

export interface Breaker {
  /** Newest outcomes, at most four. */
  readonly outcomes: readonly ('ok' | 'failed')[];
  /** When the newest wave of failures began; launches before it belong to it. */
  readonly waveAt: number | null;
  readonly wavesFailed: number;
  readonly open: boolean;
  readonly probes: number;
  /** No launch before this time. */
  readonly notBefore: number;
  readonly reason: string | null;
  readonly failedAt: number | null;
  readonly failures: number;
}

export const CLOSED: Breaker = {
  outcomes: [],
  waveAt: null,
  wavesFailed: 0,
  open: false,
  probes: 0,
  notBefore: 0,
  reason: null,
  failedAt: null,
  failures: 0,
};

const RING = 4;

/** From a backend's boot time: 30 s give probes after 6 s … 5 min, 5 minutes after 1 … 30 min. */
export const breakerTiming = (bootTimeoutMs: number, tickMs: number): BreakerTiming => ({
  backoffMs: Math.max(250, tickMs / 2),
  probeMs: Math.max(1_000, bootTimeoutMs / 5),
  probeMaxMs: Math.max(60_000, Math.min(30 * 60_000, bootTimeoutMs * 10)),
});

/** @param at.definite it failed for what the next runner will fail for too: the application's modules */
export const bootFailed = (
  breaker: Breaker,
  at: { readonly now: number; readonly launchedAt: number; readonly reason: string; readonly definite?: boolean },
  timing: BreakerTiming,
): Breaker => {
  const seen = { ...breaker, reason: at.reason, failedAt: at.now, failures: breaker.failures + 1 };
  if (breaker.waveAt !== null && at.launchedAt <= breaker.waveAt) return seen;
  const outcomes = [...breaker.outcomes, 'failed' as const].slice(-RING);
  const wavesFailed = breaker.wavesFailed + 1;
  const failures = outcomes.filter((outcome) => outcome === 'failed').length;
  const next = { ...seen, outcomes, wavesFailed, waveAt: at.now };
  if (breaker.open || at.definite === true || failures >= RING / 2) return opened(next, at.now, timing);
  return { ...next, notBefore: at.now + timing.backoffMs * 2 ** (wavesFailed - 1) };
};

/** A definite refusal that trying again will not change: missing permission, unknown image. */
export const refused = (breaker: Breaker, now: number, reason: string, timing: BreakerTiming): Breaker =>
  opened({ ...breaker, reason, failedAt: now, failures: breaker.failures + 1, waveAt: now }, now, timing);

export const bootSucceeded = (breaker: Breaker): Breaker => ({
  ...CLOSED,
  outcomes: breaker.open ? ['ok'] : [...breaker.outcomes, 'ok' as const].slice(-RING),
});

/** How many launches it lets through now, given how many are on their way. */
export const allowance = (breaker: Breaker, now: number, pendingBoots: number): number => {
  if (now < breaker.notBefore) return 0;
  return breaker.open ? Math.max(0, 1 - pendingBoots) : Number.POSITIVE_INFINITY;
};

const opened = (breaker: Breaker, now: number, timing: BreakerTiming): Breaker => ({
  ...breaker,
  open: true,
  probes: breaker.probes + 1,
  notBefore: now + Math.min(timing.probeMaxMs, timing.probeMs * 2 ** Math.min(breaker.probes, 20)),
});

/** Why it lets nothing through; `null` when it does. */
export const breakerReason = (breaker: Breaker, now: number): string | null => {
  const wait = Math.max(0, Math.ceil((breaker.notBefore - now) / 1000));
  if (breaker.open) {
    const next = wait === 0 ? 'one is being tried' : `the next single try is in ${wait} s`;
    return `runners keep failing to boot (${breaker.failures} times): ${breaker.reason ?? 'reason unknown'}; ${next}`;
  }
  return wait === 0 ? null : `the last boot failed: ${breaker.reason ?? 'reason unknown'}; trying again in ${wait} s`;
};
