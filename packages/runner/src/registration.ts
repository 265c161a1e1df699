/** The runner's registration: a heartbeat that says how it stands, and reads what the autoscaler wants of it. */
import { type AgentState, beat, leave, type PoolKeys, type RedisClient, type RunnerFault } from '@flamejs/protocol';

const BEAT_MS = 2_000;
/** Calls that follow each other closely must not each cost a heartbeat. */
const TELL_EVERY_MS = 1_000;

/** How a runner stands; read at every heartbeat. */
export interface Standing {
  readonly state: AgentState;
  readonly active: number;
  readonly slots: number;
  readonly served: number;
  readonly release: string;
  readonly host: string;
  readonly pid: number;
  readonly ackedDrain: number;
  readonly reason: string;
  readonly busyTotalMs: number;
  readonly idleTotalMs: number;
  readonly drainTotalMs: number;
}

export interface DrainOrder {
  /** 0: none, or taken back. */
  readonly generation: number;
  readonly reason: string;
}

export interface Registration {
  start(): void;
  stop(): void;
  /** Its last call has ended: the autoscaler counts from then, so it hears at once, unless it has just heard. */
  tellIdle(): void;
  /** Reports at once. @returns whether Redis has taken it */
  beatNow(): Promise<boolean>;
  leave(reason: string, fault: RunnerFault): Promise<void>;
}

export interface RegistrationOptions {
  readonly client: RedisClient;
  readonly keys: PoolKeys;
  readonly pool: string;
  readonly runnerId: string;
  readonly standing: () => Standing;
  /** How long ago its last call ended, or it became ready; `null` while it is neither. */
  readonly idleMs: () => number | null;
  /** @param redisNow Redis' clock, ms, as it was a moment ago */
  readonly onOrder: (order: DrainOrder, redisNow: number) => void;
  /** Redis has just answered: what was counted can go there. */
  readonly onBeat?: () => void;
  readonly onError: (error: Error) => void;
}

export const createRegistration = (options: RegistrationOptions): Registration => {
  const { client, keys, pool, runnerId, standing, idleMs, onOrder, onError } = options;
  let roundTripMs = 0;
  let timer: NodeJS.Timeout | undefined;
  let beating: Promise<boolean> | undefined;
  let again: Promise<boolean> | undefined;
  let soon: NodeJS.Timeout | undefined;
  let toldAt = Number.NEGATIVE_INFINITY;
  let left = false;

  const send = async (): Promise<boolean> => {
    const now = standing();
    const askedAt = performance.now();
    try {
      const fields = { pool, ...now, roundTripMs };
      const reply = await beat(client, keys, runnerId, now.state === 'ready' ? idleMs() : null, fields);
      roundTripMs = Math.round((performance.now() - askedAt) * 10) / 10;
      options.onBeat?.();
      onOrder({ generation: reply.drain, reason: reply.drainReason }, reply.now);
      return true;
    } catch (error) {
      onError(error as Error);
      return false;
    } finally {
      beating = undefined;
    }
  };

  /** One at a time: while Redis is away, the one that is under way waits for it. */
  const beatOnce = (): Promise<boolean> => {
    if (left) return Promise.resolve(false);
    beating ??= send();
    return beating;
  };

  const beatNow = (): Promise<boolean> => {
    if (beating === undefined) return beatOnce();
    // The one that is under way may tell of an earlier standing.
    again ??= beating.then(() => {
      again = undefined;
      return beatOnce();
    });
    return again;
  };

  return {
    start() {
      timer ??= setInterval(() => void beatOnce(), BEAT_MS);
    },
    stop() {
      clearInterval(timer);
      clearTimeout(soon);
      timer = undefined;
    },
    tellIdle() {
      if (timer === undefined) return;
      soon ??= setTimeout(
        () => {
          soon = undefined;
          toldAt = performance.now();
          if (idleMs() !== null) void beatNow();
        },
        Math.max(0, toldAt + TELL_EVERY_MS - performance.now()),
      );
    },
    beatNow,
    async leave(reason, fault) {
      left = true;
      await beating;
      await leave(client, keys, runnerId, reason, fault);
    },
  };
};
