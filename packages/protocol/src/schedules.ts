/**
 * Schedules: each time one is due, a normal call is cast, under an id made of the schedule and the moment, so that two
 * leaders, or one that starts again, cast it once. They live in the pool's slot; the autoscaler's leader runs them.
 */
import { CronExpressionParser } from 'cron-parser';
import type { AcceptedCall, CallBackend } from './call-backend.ts';
import { callBackendFactory } from './call-backend-factory.ts';
import { userCallId } from './call-id.ts';
import { DEFAULT_LIMIT } from './codec/index.ts';
import type { RedisClient } from './connect.ts';
import { type Envelope, placeSealed, signEnvelope } from './envelope.ts';
import { FlameError } from './errors/index.ts';
import type { PoolKeys } from './keys.ts';
import { isSealed, type Vault, type VaultConfig } from './payload/vault.ts';

/** What making a schedule's calls takes: part of an app's config. */
export interface CastingConfig extends VaultConfig {
  readonly signingKey: string | undefined;
  readonly pools: Readonly<Record<string, { readonly payloadLimit: number }>>;
}

export interface Timing {
  /** Cron expression of five or six fields. */
  readonly cron?: string;
  readonly tz?: string;
  /** Instead of `cron`: a fixed distance, counted from the epoch, so that it does not drift. */
  readonly everyMs?: number;
}

export interface Schedule extends Timing {
  readonly id: string;
  readonly functionName: string;
  /** Redis ms of the next call. */
  readonly nextAt: number;
  /** The call as it will be accepted each time, but for its id and signature. */
  readonly call: Omit<AcceptedCall, 'id' | 'data' | 'largeArgs'>;
  readonly envelope: Envelope;
  /** Base64 of arguments that do not stand in the envelope. */
  readonly largeArgs?: string;
}

/** @returns the first moment after `after` (both Redis ms). @throws Error for a bad expression or time zone */
export const nextMoment = ({ cron, tz = 'UTC', everyMs }: Timing, after: number): number => {
  if (everyMs !== undefined) return (Math.floor(after / everyMs) + 1) * everyMs;
  return CronExpressionParser.parse(cron ?? '', { tz, currentDate: new Date(after) })
    .next()
    .getTime();
};

export const storeSchedule = async (client: RedisClient, keys: PoolKeys, schedule: Schedule): Promise<void> => {
  await client.hset(keys.schedules, schedule.id, JSON.stringify(schedule));
};

/** @returns whether there was one. Calls that it has cast go on. */
export const removeSchedule = async (client: RedisClient, keys: PoolKeys, id: string): Promise<boolean> =>
  (await client.hdel(keys.schedules, id)) === 1;

export const listSchedules = async (client: RedisClient, keys: PoolKeys): Promise<readonly Schedule[]> =>
  (await client.hvals(keys.schedules)).map((json) => JSON.parse(json) as Schedule);

/**
 * Casts what is due. A moment that passed while nobody ran schedules is made up for once, not once for each.
 * @returns ids of the calls
 */
export const runDueSchedules = async (
  client: RedisClient,
  keys: PoolKeys,
  pool: string,
  config: CastingConfig,
  vault: Vault,
  now: number,
): Promise<readonly string[]> => {
  const cast: string[] = [];
  let backend: CallBackend | undefined;
  for (const schedule of await listSchedules(client, keys)) {
    if (schedule.nextAt > now) continue;
    if (backend === undefined) {
      backend = callBackendFactory({ client })(pool, { prefix: keys.base });
      backend.on('error', () => undefined);
    }
    const id = userCallId(pool, `schedule\n${schedule.id}\n${schedule.nextAt}`);
    const limit = config.pools[pool]?.payloadLimit ?? DEFAULT_LIMIT;
    const { envelope: own, largeArgs } = await argumentsFor(schedule, id, vault, limit);
    const envelope = signEnvelope({ ...own, by: `schedule ${schedule.id}` }, id, config.app, config.signingKey);
    const reply = await backend.accept({ ...schedule.call, id, data: JSON.stringify(envelope), largeArgs });
    // A full pool is not the schedule's fault: the same moment is tried again.
    if (typeof reply !== 'string') continue;
    cast.push(id);
    await advance(client, keys, schedule, nextMoment(schedule, now));
  }
  return cast;
};

/** Arguments are sealed for the schedule; each call of it gets them sealed for itself. */
const argumentsFor = async (
  { id: scheduleId, envelope, largeArgs }: Schedule,
  callId: string,
  vault: Vault,
  limit: number,
): Promise<{ readonly envelope: Envelope; readonly largeArgs: Uint8Array | undefined }> => {
  const stored = envelope.sealed ?? largeArgs;
  const bytes = stored === undefined ? undefined : Buffer.from(stored, 'base64');
  if (bytes === undefined || !(isSealed(bytes) || vault.seals)) return { envelope, largeArgs: bytes };
  try {
    const frame = await vault.open(bytes, { callId: scheduleId, kind: 'schedule', limit });
    return placeSealed(envelope, await vault.seal(frame, { callId, kind: 'arguments' }));
  } catch (error) {
    if (!(error instanceof FlameError)) throw error;
    // As they are they do not open for the call either: it fails, and says so, where a schedule could only be silent.
    return { envelope, largeArgs: envelope.sealed === undefined ? bytes : undefined };
  }
};

/** Only as long as it is still the schedule that was read: one that was replaced meanwhile has a time of its own. */
const advance = async (client: RedisClient, keys: PoolKeys, schedule: Schedule, nextAt: number): Promise<void> => {
  const stored = await client.hget(keys.schedules, schedule.id);
  if (stored === JSON.stringify(schedule)) await storeSchedule(client, keys, { ...schedule, nextAt });
};
