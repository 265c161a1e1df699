/** A token bucket for calls that change something at a provider; throttling halves its rate, success restores it. Pure. */

export interface Limiter {
  readonly tokens: number;
  readonly at: number;
  /** 1 when never throttled; the share of the full rate that is used now. */
  readonly factor: number;
}

export interface LimiterRate {
  readonly burst: number;
  readonly perMs: number;
}

export const fullLimiter = (rate: LimiterRate, now: number): Limiter => ({ tokens: rate.burst, at: now, factor: 1 });

/** A tick's worth of launches at once, and as many each tick. */
export const launchRate = (launchesPerTick: number, tickMs: number): LimiterRate => ({
  burst: launchesPerTick,
  perMs: launchesPerTick / tickMs,
});

export const refill = (limiter: Limiter, rate: LimiterRate, now: number): Limiter => {
  // A clock that went back gives nothing and takes nothing.
  const elapsed = Math.max(0, now - limiter.at);
  const tokens = Math.min(rate.burst, limiter.tokens + elapsed * rate.perMs * limiter.factor);
  return { ...limiter, tokens, at: Math.max(now, limiter.at) };
};

export const take = (limiter: Limiter, tokens: number): Limiter => ({
  ...limiter,
  tokens: Math.max(0, limiter.tokens - tokens),
});

export const throttled = (limiter: Limiter): Limiter => ({
  ...limiter,
  factor: Math.max(1 / 16, limiter.factor / 2),
  tokens: 0,
});

export const eased = (limiter: Limiter): Limiter => ({ ...limiter, factor: Math.min(1, limiter.factor + 1 / 16) });
