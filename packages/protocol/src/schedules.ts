/**
 * Schedules: each time one is due, a normal call is cast, under an id made of the schedule and the moment, so that two
 * leaders, or one that starts again, cast it once. They live in the pool's slot; the autoscaler's leader runs them.
 */
import { userCallId } from './call-id.ts';
import { DEFAULT_LIMIT } from './codec/index.ts';
import { type RedisClient, runScript } from './connect.ts';
import { type Envelope, parseEnvelope, placeSealed, signEnvelope } from './envelope.ts';
import { FlameError } from './errors/index.ts';
import type { PoolKeys } from './keys.ts';
import type { DeclaredLimits } from './limit-sweep.ts';
import { isSealed, type Vault, type VaultConfig } from './payload/vault.ts';
import { dueMoments, nextMoment, type Timing } from './schedule-timing.ts';
import type { AcceptedCall } from './store/call-store.ts';
import { createRedisStore } from './store/redis-store.ts';
import { type Fields, haveNumbers, type OnDamage, parseObject } from './stored.ts';

/** What making a schedule's calls takes: part of an app's config. */
export interface CastingConfig extends VaultConfig {
  readonly prefix: string;
  readonly signingKey: string | undefined;
  readonly release: string;
  readonly pools: Readonly<Record<string, { readonly payloadLimit: number } & Pick<DeclaredLimits, 'limits'>>>;
}

/** What is called, and when; its next moment stands beside it. */
export interface Schedule extends Timing {
  readonly id: string;
  readonly functionName: string;
  /** The call as it will be accepted each time, but for its id and signature. */
  readonly call: Omit<AcceptedCall, 'id' | 'data' | 'largeArgs'>;
  readonly envelope: Envelope;
  /** Base64 of arguments that do not stand in the envelope. */
  readonly largeArgs?: string;
}

const timingOf = ({ cron = '', tz = '', everyMs = 0 }: Timing): readonly [string, string, number] => [
  cron,
  tz,
  everyMs,
];

/** Makes or replaces it. While its timing stays the same, so does its next moment, which may be due at this very time. */
export const storeSchedule = async (
  client: RedisClient,
  keys: PoolKeys,
  schedule: Schedule,
  now: number,
): Promise<void> => {
  const next = nextMoment(schedule, now, schedule.id);
  const args = [schedule.id, JSON.stringify(schedule), ...timingOf(schedule), next];
  await runScript(client, 'flameSchedule', [keys.schedules, keys.scheduleMoments, ...args]);
};

/** @returns whether there was one. Calls that it has cast go on. */
export const removeSchedule = async (client: RedisClient, keys: PoolKeys, id: string): Promise<boolean> =>
  (await runScript(client, 'flameUnschedule', [keys.schedules, keys.scheduleMoments, id])) === 1;

/** Those of the pool that can be read. */
export const listSchedules = async (
  client: RedisClient,
  keys: PoolKeys,
  onDamage: OnDamage,
): Promise<readonly Schedule[]> =>
  Object.entries(await client.hgetall(keys.schedules)).flatMap(([id, text]) => {
    const schedule = parseSchedule(id, text);
    if (schedule === undefined) onDamage(damaged(keys, id));
    return schedule ?? [];
  });

/** @returns `undefined` for a text that is no schedule of that id. Never throws. */
export const parseSchedule = (id: string, text: string): Schedule | undefined => {
  const fields = parseObject(text);
  if (fields === undefined || fields.id !== id || typeof fields.functionName !== 'string') return undefined;
  const { call, envelope, largeArgs } = fields;
  if (typeof call !== 'object' || call === null || typeof parseEnvelope(envelope) === 'string') return undefined;
  if (!haveNumbers(call as Fields, CALL_NUMBERS)) return undefined;
  if (CALL_TEXTS.some((name) => typeof (call as Fields)[name] !== 'string')) return undefined;
  if (largeArgs !== undefined && typeof largeArgs !== 'string') return undefined;
  const schedule = fields as unknown as Schedule;
  try {
    return Number.isFinite(nextMoment(schedule, 0, id)) ? schedule : undefined;
  } catch {
    return undefined;
  }
};

const CALL_NUMBERS = [
  'delayMs',
  'priority',
  'queueTimeoutMs',
  'deadlineInMs',
  'deadlineAt',
  'resultTtlMs',
  'failedTtlMs',
  'maxPending',
] as const;
const CALL_TEXTS = ['name', 'fingerprint', 'waiter', 'release', 'link', 'awaitedBy', 'limits'] as const;

const damaged = ({ pool, schedules }: PoolKeys, id: string) => ({
  what: `schedule ${JSON.stringify(id)} of pool "${pool}"`,
  key: schedules,
  field: id,
});

export interface ScheduleRun {
  /** Ids of the calls that were cast. */
  readonly cast: readonly string[];
  /** Until the first moment that is yet to come; `undefined` for none. */
  readonly nextInMs: number | undefined;
}

export interface ScheduleTools {
  readonly client: RedisClient;
  readonly keys: PoolKeys;
  readonly pool: string;
  readonly config: CastingConfig;
  readonly vault: Vault;
  readonly onDamage: OnDamage;
  /** One schedule could not be run; it is tried again at the next run. */
  readonly onError: (scheduleId: string, error: unknown) => void;
}

/** Casts what is due. No schedule stands in another one's way. */
export const runDueSchedules = async (tools: ScheduleTools): Promise<ScheduleRun> => {
  const { client, keys, onDamage, onError } = tools;
  const found = await runScript(client, 'flameDueSchedules', [keys.schedules, keys.scheduleMoments]);
  const [now = '0', upcoming = '', ...due] = found as string[];
  const cast: string[] = [];
  for (let i = 0; i + 2 < due.length; i += 3) {
    const [id = '', moment = '', text = ''] = due.slice(i, i + 3);
    const schedule = parseSchedule(id, text);
    if (schedule === undefined) {
      onDamage(damaged(keys, id));
      continue;
    }
    try {
      cast.push(...(await castDue(tools, schedule, Number(moment), Number(now))));
    } catch (error) {
      onError(id, error);
    }
  }
  return { cast, nextInMs: upcoming === '' ? undefined : Number(upcoming) - Number(now) };
};

const castDue = async (tools: ScheduleTools, schedule: Schedule, first: number, now: number): Promise<string[]> => {
  const { client, keys } = tools;
  const { moments, next } = dueMoments(schedule, first, now, schedule.id);
  const cast: string[] = [];
  let reached = next;
  for (const moment of moments) {
    const id = await castAt(tools, schedule, moment);
    // A full pool is not the schedule's fault: the same moment is tried again.
    if (id === undefined) {
      reached = moment;
      break;
    }
    cast.push(id);
  }
  const args = [schedule.id, ...timingOf(schedule), first, reached];
  if (reached !== first) await runScript(client, 'flameAdvance', [keys.schedules, keys.scheduleMoments, ...args]);
  return cast;
};

/** @returns the call's id, `undefined` when the pool takes none */
const castAt = async (tools: ScheduleTools, schedule: Schedule, moment: number): Promise<string | undefined> => {
  const { client, keys, pool, config, vault } = tools;
  const id = userCallId(pool, `schedule\n${schedule.id}\n${moment}`);
  const limit = config.pools[pool]?.payloadLimit ?? DEFAULT_LIMIT;
  const { envelope: own, largeArgs } = await argumentsFor(schedule, id, vault, limit);
  const envelope = signEnvelope(
    { ...own, by: `schedule ${schedule.id}`, at: moment + schedule.call.delayMs },
    id,
    config.app,
    config.signingKey,
  );
  const call = { ...schedule.call, id, data: JSON.stringify(envelope), largeArgs };
  const [acceptance] = await createRedisStore(client, keys).accept([call]);
  if (acceptance instanceof Error) throw acceptance;
  // Another body under this moment's id: it was cast before the schedule was changed.
  return acceptance === 'queue-full' ? undefined : id;
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
