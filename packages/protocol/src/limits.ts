/**
 * Limits of calls, as every side of Flame names them. A limit is one of a pool's, or a function's own; a key of it is a gate. Redis
 * knows both by hashes, so that no key's text stands in the name of a Redis key; the text is kept with the call.
 */
import { createHash } from 'node:crypto';
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
export const declaration = (functionName: string, limit: CallLimit): readonly [string, number | '', string, string] => {
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
