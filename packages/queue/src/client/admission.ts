/**
 * Admission: at 80 % of Redis' memory no new call is accepted. At 100 % Redis refuses every write, and work that is done
 * could not even be stored; measured on plain BullMQ, all of it then ran twice.
 */

import type { RedisClient } from '@flamejs/protocol/connect';
import { FlameQueueFullError } from '@flamejs/protocol/errors';
import { readServerFacts } from '@flamejs/protocol/server-check';

const FULL_AT = 0.8;
export const MEMORY_ADVICE = 'Raise maxmemory, shorten resultTtl and failedTtl, or send smaller arguments.';
const LOOK_EVERY_MS = 1_000;

/** Bytes, as of the last look; a limit of 0 is none. */
export interface Memory {
  readonly used: number;
  readonly limit: number;
}

export interface Admission {
  readonly memory: Memory;
  /** Costs nothing: it judges by the last look and starts another when that is old. @throws FlameQueueFullError */
  check(pool: string): void;
}

export const createAdmission = (clientOf: () => RedisClient | undefined): Admission => {
  let used = 0;
  let limit = 0;
  let lookedAt = Number.NEGATIVE_INFINITY;

  const look = (): void => {
    const client = clientOf();
    if (client === undefined) return;
    lookedAt = performance.now();
    readServerFacts(client).then(
      (facts) => {
        used = facts.usedMemory;
        limit = facts.maxMemory;
      },
      // A server that does not answer is the connection's business.
      () => undefined,
    );
  };

  return {
    get memory() {
      return { used, limit };
    },
    check(pool) {
      if (performance.now() - lookedAt > LOOK_EVERY_MS) look();
      if (limit === 0 || used < limit * FULL_AT) return;
      const percent = Math.round((used / limit) * 100);
      const message = `pool "${pool}" takes no calls now: Redis uses ${percent} % of its memory, and the rest is kept for finishing the calls that it has`;
      throw new FlameQueueFullError(message, {
        pending: used,
        limit,
        advice: MEMORY_ADVICE,
      });
    },
  };
};
