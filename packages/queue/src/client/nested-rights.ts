/**
 * Which calls a running function may look at, cancel and retry: those that it made, those further down in its line, and
 * those whose ids it was given as arguments. An id that it came to otherwise, or computed, gives no right: what it passes on
 * is given only as far as it has the right itself.
 */

import type { RedisClient } from '@flamejs/protocol/connect';
import { type Descent, type Maker, MOST_GIVEN } from '@flamejs/protocol/descent';
import { distrust, parseEnvelope } from '@flamejs/protocol/envelope';
import { FlameAccessError } from '@flamejs/protocol/errors';
import { poolKeys } from '@flamejs/protocol/keys';
import type { AppConfig } from '../config/types.ts';

export interface NestedRights {
  /** From now on it is one that the function made. */
  made(id: string): void;
  /** @throws FlameAccessError when it has no right to that call */
  check(id: string, pool: string): Promise<void>;
  /** @returns the ids in the text of arguments to which the function has a right */
  passedOn(text: string): Promise<readonly string[]>;
}

export interface RightsOptions {
  readonly config: AppConfig;
  readonly maker: Maker;
  /** The text of its arguments; looked at when it is needed. */
  readonly args: () => string;
  /** The right is declared for every call of the app. */
  readonly all: boolean;
  /** The line of a call, when it is known and can be trusted. */
  readonly lineOf: (id: string, pool: string) => Promise<Descent | undefined>;
}

export const createNestedRights = ({ config, maker, args, all, lineOf }: RightsOptions): NestedRights => {
  const own = new Set<string>();
  const pools = Object.keys(config.pools);

  const isGiven = (id: string): boolean => maker.descent?.given.includes(id) ?? args().includes(id);

  /** Made by it in an earlier attempt, or by what it made. */
  const isBelow = async (id: string, pool: string): Promise<boolean> =>
    (await lineOf(id, pool))?.above.includes(maker.callId) === true;

  const may = async (id: string, pool: string): Promise<boolean> =>
    all || own.has(id) || isGiven(id) || (await isBelow(id, pool));

  return {
    made: (id) => void own.add(id),
    async check(id, pool) {
      if (await may(id, pool)) return;
      const message = `"${maker.functionName}" neither made call ${id} nor was given it`;
      throw new FlameAccessError(message, { callId: id });
    },
    async passedOn(text) {
      const found: string[] = [];
      for (const [id, pool] of idsIn(text, pools)) {
        if (found.length >= MOST_GIVEN) break;
        if (await may(id, pool)) found.push(id);
      }
      return found;
    },
  };
};

/** The line that stands in a call's envelope, whose signature vouches for it. */
export const lineInRedis =
  (config: AppConfig, client: () => Promise<RedisClient>): RightsOptions['lineOf'] =>
  async (id, pool) => {
    const keys = poolKeys(config.prefix, config.app, pool);
    const data = await (await client()).hget(`${keys.queue}${id}`, 'data');
    const envelope = data === null ? '' : parseEnvelope(parsed(data));
    if (typeof envelope === 'string') return undefined;
    return distrust(envelope, id, config.app, config.signingKey) === undefined ? envelope.line : undefined;
  };

const REST = /(?:[a-z2-7]{26}|u[0-9a-f]{40})(?![a-z0-9])/y;
const BEFORE = /[a-z0-9-]/;

/** Ids of calls in a text, with their pools. Linear in its length, whatever it holds. */
export const idsIn = (text: string, pools: readonly string[]): ReadonlyMap<string, string> => {
  const ids = new Map<string, string>();
  for (const pool of pools) {
    for (let at = text.indexOf(`${pool}.`); at >= 0; at = text.indexOf(`${pool}.`, at + 1)) {
      if (at > 0 && BEFORE.test(text[at - 1] ?? '')) continue;
      REST.lastIndex = at + pool.length + 1;
      const rest = REST.exec(text)?.[0];
      if (rest !== undefined) ids.set(`${pool}.${rest}`, pool);
      // Ten times what can be passed on: the rest belongs to somebody else.
      if (ids.size >= MOST_GIVEN * 10) return ids;
    }
  }
  return ids;
};

const parsed = (json: string): unknown => {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
};
