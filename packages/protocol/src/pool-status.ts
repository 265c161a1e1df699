/** What the autoscaler says of a pool: one field of the app's registry for each pool. */
import type { RedisClient } from './connect.ts';
import type { PoolStatus } from './explain.ts';
import type { AppKeys } from './keys.ts';
import { type Fields, haveNumbers, type OnDamage, parseObject } from './stored.ts';

const NUMBERS = ['min', 'max', 'maxConcurrency', 'bootTimeoutMs', 'at', 'physical', 'ready', 'booting'] as const;
const TEXTS = ['bootFailure', 'blocked', 'release'] as const;

/** @returns the status with all its other fields, or `undefined` for a text that is none. Never throws. */
export const parsePoolStatus = (text: unknown): (PoolStatus & Fields) | undefined => {
  const fields = parseObject(text);
  if (fields === undefined || !haveNumbers(fields, NUMBERS) || typeof fields.backend !== 'string') return undefined;
  if (TEXTS.some((name) => !['undefined', 'string'].includes(typeof fields[name]))) return undefined;
  return fields as unknown as PoolStatus & Fields;
};

/** @returns what is known of each pool; those that no autoscaler has seen are missing, and those whose entry is damaged */
export const readPoolStatuses = async (
  client: RedisClient,
  app: AppKeys,
  onDamage: OnDamage,
): Promise<Readonly<Record<string, PoolStatus>>> => {
  const statuses: Record<string, PoolStatus> = Object.create(null);
  for (const [pool, text] of Object.entries(await client.hgetall(app.pools))) {
    const status = parsePoolStatus(text);
    if (status === undefined)
      onDamage({ what: `what the autoscaler says of pool "${pool}"`, key: app.pools, field: pool });
    else statuses[pool] = status;
  }
  return statuses;
};
