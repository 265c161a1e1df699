/**
 * Limits of calls, as every side of Flame names them. A limit is one of a pool's, or a function's own; a key of it is a gate. Redis
 * knows both by hashes, so that no key's text stands in the name of a Redis key; the text is kept with the call.
 */
import { createHash } from 'node:crypto';
import { type RedisClient, runScript } from './connect.ts';
import type { PoolKeys } from './keys.ts';
import { parseObject } from './stored.ts';

/** Most limits that one call is under. */
export const MOST_LIMITS = 2;
/** Characters of a key. */
export const MOST_KEY_LENGTH = 256;

/** How often calls of a key may begin: in no window of `perMs` more than `calls`. */
export interface Rate {
  readonly calls: number;
  readonly perMs: number;
  /** They keep a distance, in the place of coming all at once. */
  readonly smooth: boolean;
}

/** A limit that a call is under, with its key. */
export interface CallLimit {
  /** Of the pool's limits; `undefined` for the function's own. */
  readonly name: string | undefined;
  /** Which of the function's own limits, from 0. */
  readonly index: number;
  /** How many calls of the key may have begun, by the caller's release; 0 or more, `undefined` for any number. */
  readonly concurrency: number | undefined;
  /** How often they may begin, by the same; `undefined` for any rate. */
  readonly rate: Rate | undefined;
  /** `undefined` for a limit without keys. */
  readonly key: string | undefined;
}

/** What people are told of a limit of a call; kept with the call. */
export interface LimitWords {
  /** The limit's name, or that of its function. */
  readonly label: string;
  /** `undefined` for a limit without keys, and where the process that reads it cannot. */
  readonly key?: string | undefined;
}

/** @returns the hash by which Redis knows a limit */
export const limitHash = (functionName: string, { name, index }: Pick<CallLimit, 'name' | 'index'>): string =>
  hash(name === undefined ? `of ${functionName}\n${index}` : `named ${name}`, 12);

/** @returns `<limit>.<key>`, the key of a limit as Redis knows it; `_` stands for no key */
export const gateOf = (functionName: string, limit: CallLimit): string => {
  const own = limitHash(functionName, limit);
  return limit.key === undefined ? `${own}._` : gateOfKey(own, limit.key);
};

/** @param limit its hash */
export const gateOfKey = (limit: string, key: string): string => `${limit}.${hash(`${limit}\n${key}`, 16)}`;

const hash = (text: string, bytes: number): string =>
  createHash('sha256').update(text).digest().subarray(0, bytes).toString('base64url');

/** @returns the gates of a call, without repeats: two limits of one name and key are one */
export const gatesOf = (functionName: string, limits: readonly CallLimit[]): readonly string[] => [
  ...new Set(limits.map((limit) => gateOf(functionName, limit))),
];

export const wordsOf = (functionName: string, limits: readonly CallLimit[]): readonly LimitWords[] =>
  limits.map(({ name, key }) => ({ label: name ?? functionName, ...(key === undefined ? {} : { key }) }));

/**
 * @param sealed the words, sealed, where payloads are: then no key stands there in the open
 * @returns what `accept` is told of the limits of a call; '' for none
 */
export const describeLimits = (functionName: string, limits: readonly CallLimit[], sealed?: string): string => {
  if (limits.length === 0) return '';
  const words = wordsOf(functionName, limits);
  return JSON.stringify({
    gates: gatesOf(functionName, limits).join(' '),
    declared: limits.map((limit) => declaration(functionName, limit)),
    keys: JSON.stringify(sealed === undefined ? { words } : { words: words.map(({ label }) => ({ label })), sealed }),
  });
};

/** @returns hash, number, label and rate, as the scripts take them */
const declaration = (functionName: string, limit: CallLimit): readonly [string, number | '', string, string] => {
  const { concurrency, rate, name } = limit;
  const per = rate === undefined ? '' : `${rate.calls} ${rate.perMs} ${rate.smooth ? 1 : 0}`;
  return [limitHash(functionName, limit), concurrency ?? '', name ?? functionName, per];
};

/** @returns what stands in a call's `f:keys`; nothing for what cannot be read. Never throws. */
export const parseWords = (
  text: string | undefined,
): { readonly words: readonly LimitWords[]; readonly sealed?: string | undefined } => {
  const { words, sealed } = parseObject(text) ?? {};
  if (!Array.isArray(words)) return { words: [] };
  return {
    words: words.flatMap((word): LimitWords[] => {
      const { label, key } = (word ?? {}) as Readonly<Record<string, unknown>>;
      if (typeof label !== 'string') return [];
      return [{ label, ...(typeof key === 'string' ? { key } : {}) }];
    }),
    ...(typeof sealed === 'string' ? { sealed } : {}),
  };
};

/** A limit as it is told: `limit "openai" of key "tenant-7"`. */
export const nameLimit = ({ label, key }: LimitWords): string =>
  `limit "${label}"${key === undefined ? '' : ` of key "${key}"`}`;

/** Whether what stands in an envelope are the limits of a call. */
export const areLimits = (value: unknown): value is readonly { readonly gate: string }[] =>
  Array.isArray(value) &&
  value.length <= MOST_LIMITS &&
  value.every((limit) => typeof limit === 'object' && limit !== null && typeof limit.gate === 'string');

/**
 * Gates of calls that await each other, which a call further down must not need. Names the pool as well: limits live in one.
 * @returns the same gates, as a line of calls carries them
 */
export const heldGates = (pool: string, gates: readonly string[]): readonly string[] =>
  gates.map((gate) => `${pool}/${gate}`);

/** @returns the gates that a call needs, none for one that is under no limit, has ended or is gone */
export const readGates = async (client: RedisClient, keys: PoolKeys, callId: string): Promise<readonly string[]> => {
  const [gates, finishedOn] = await client.hmget(`${keys.queue}${callId}`, 'f:lim', 'finishedOn');
  return finishedOn ? [] : (gates ?? '').split(' ').filter(Boolean);
};

/** As `sweepLimits`, and does nothing when it is called again too soon. */
export const createLimitSweeper = (
  client: RedisClient,
  keys: PoolKeys,
  declared: DeclaredLimits,
): (() => Promise<void>) => {
  let next = 0;
  return async () => {
    if (performance.now() < next) return;
    next = performance.now() + LIMIT_SWEEP_MS;
    await sweepLimits(client, keys, declared);
  };
};

/** How often gates are looked through for calls that are gone; milliseconds. */
export const LIMIT_SWEEP_MS = 10_000;
/** Most ids that one step looks at, and steps of one sweep. */
const MOST_SWEPT = 1_000;
const SWEEP_STEPS = 100;

export interface LimitSweep {
  /** Places of calls that were gone. */
  readonly freed: number;
  /** Calls that came to the queue. */
  readonly admitted: number;
}

/** The limits that a process knows its pool by. */
export interface DeclaredLimits {
  readonly release: string;
  /** By name. */
  readonly limits: Readonly<Record<string, Pick<CallLimit, 'concurrency' | 'rate'>>>;
}

/**
 * Takes calls that are gone out of the gates of a pool, and admits what may come through. Several processes may call it as often as they
 * like: one sweep begins in `LIMIT_SWEEP_MS`.
 * @param declared of the config of whoever sweeps: the newest release says the numbers, also where it makes no calls
 */
export const sweepLimits = async (
  client: RedisClient,
  keys: PoolKeys,
  declared: DeclaredLimits = { release: '', limits: {} },
): Promise<LimitSweep> => {
  const named = Object.entries(declared.limits).flatMap(([name, limit]) =>
    declaration('', { ...limit, name, index: 0, key: undefined }),
  );
  let cursor = '0';
  let freed = 0;
  let admitted = 0;
  for (let step = 0; step < SWEEP_STEPS; step += 1) {
    const args = [keys.queue, cursor, MOST_SWEPT, LIMIT_SWEEP_MS - 500, declared.release, ...named];
    const reply = await runScript(client, 'sweep-limits', args);
    const [next, gone, came] = reply as [string, number, number];
    cursor = next;
    freed += gone;
    admitted += came;
    if (cursor === '0') break;
  }
  return { freed, admitted };
};
