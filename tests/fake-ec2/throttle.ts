/** (d) EC2's request token buckets: per account and region, shared by every caller in it. */
import type { Clock } from './clock.ts';
import { Ec2Fault } from './fault.ts';
import type { Bucket } from './options.ts';

/** @returns a function that takes one token for an action, and throws RequestLimitExceeded when there is none. */
export const createThrottle = (buckets: Readonly<Record<string, Bucket>>, clock: Clock): ((action: string) => void) => {
  const levels = new Map<string, { tokens: number; at: number }>();
  return (action) => {
    const key = buckets[action] === undefined ? 'default' : action;
    const bucket = buckets[key];
    if (bucket === undefined) return;
    const now = clock.now();
    const level = levels.get(key) ?? { tokens: bucket.burst, at: now };
    const tokens = Math.min(bucket.burst, level.tokens + ((now - level.at) / 1000) * bucket.refillPerSecond);
    if (tokens < 1) {
      levels.set(key, { tokens, at: now });
      throw new Ec2Fault('RequestLimitExceeded', 'Request limit exceeded.', 503);
    }
    levels.set(key, { tokens: tokens - 1, at: now });
  };
};
