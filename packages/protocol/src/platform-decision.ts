/**
 * How many runners a platform should keep, as whoever is asked may answer: by the leader's last decision, and only while that holds.
 * What is not known is an error and never 0, for a platform that hears 0 ends busy runners.
 */
import type { RedisClient } from './connect.ts';
import type { PlatformStatus } from './explain.ts';
import type { AppKeys } from './keys.ts';
import { type Fields, haveNumbers, parseObject } from './stored.ts';

/** A decision that is older says nothing of now. */
export const DECISION_MS = 30_000;

export type PlatformDecision =
  | { readonly known: true; readonly wanted: number; readonly ageMs: number }
  | { readonly known: false; readonly why: string };

/** @returns for each pool what its platform may be told. @throws what Redis throws */
export const readDecisions = async (
  client: RedisClient,
  keys: AppKeys,
  pools: readonly string[],
): Promise<ReadonlyMap<string, PlatformDecision>> => {
  const [lease, registry, [seconds, micros]] = await Promise.all([
    client.exists(keys.lease),
    client.hgetall(keys.pools),
    client.time(),
  ]);
  const now = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  return new Map(pools.map((pool) => [pool, decisionOf(registry[pool], lease === 1, now)]));
};

/** @param text the registry's entry of the pool @param now Redis ms */
export const decisionOf = (text: string | undefined, isLed: boolean, now: number): PlatformDecision => {
  if (!isLed) return { known: false, why: 'no autoscaler leads' };
  const platform = parsePlatform(parseObject(text)?.platform);
  if (platform === undefined) return { known: false, why: 'the leading autoscaler has not decided yet' };
  const ageMs = now - platform.decidedAt;
  if (ageMs > DECISION_MS)
    return { known: false, why: `the last decision is ${Math.round(ageMs / 1000)} s old: the pool cannot be read` };
  return { known: true, wanted: platform.wanted, ageMs: Math.max(0, ageMs) };
};

/** @returns the status with all its fields, or `undefined` for what is none */
export const parsePlatform = (value: unknown): PlatformStatus | undefined => {
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = value as Fields;
  if (!haveNumbers(fields, ['wanted', 'decidedAt', 'registered', 'parked'])) return undefined;
  return Number.isSafeInteger(fields.wanted) && Number(fields.wanted) >= 0
    ? (fields as unknown as PlatformStatus)
    : undefined;
};
