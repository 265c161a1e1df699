/** The runner's registration: a heartbeat that says how it stands, and reads what the autoscaler wants of it. */
import { type AgentState, beat, leave, type PoolKeys, type RedisClient } from '@flamejs/protocol';

const BEAT_MS = 2_000;

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
}

export interface DrainOrder {
  /** 0: none, or taken back. */
  readonly generation: number;
  readonly reason: string;
}

export interface Registration {
  start(): void;
  stop(): void;
  /** Reports at once. @returns whether Redis has taken it */
  beatNow(): Promise<boolean>;
  leave(reason: string): Promise<void>;
}

export interface RegistrationOptions {
  readonly client: RedisClient;
  readonly keys: PoolKeys;
  readonly pool: string;
  readonly runnerId: string;
  readonly standing: () => Standing;
  readonly onOrder: (order: DrainOrder) => void;
  readonly onError: (error: Error) => void;
}

export const createRegistration = (options: RegistrationOptions): Registration => {
  const { client, keys, pool, runnerId, standing, onOrder, onError } = options;
  let timer: NodeJS.Timeout | undefined;
  let beating: Promise<boolean> | undefined;
  let again: Promise<boolean> | undefined;
  let servedBefore = 0;
  let left = false;

  const send = async (): Promise<boolean> => {
    const now = standing();
    // A call that came and went between two heartbeats has ended the idle time too.
    const idle = now.state === 'ready' && now.active === 0 && now.served === servedBefore;
    servedBefore = now.served;
    try {
      const reply = await beat(client, keys, runnerId, idle, { pool, ...now });
      onOrder({ generation: reply.drain, reason: reply.drainReason });
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

  return {
    start() {
      timer ??= setInterval(() => void beatOnce(), BEAT_MS);
    },
    stop() {
      clearInterval(timer);
      timer = undefined;
    },
    beatNow() {
      if (beating === undefined) return beatOnce();
      // The one that is under way may tell of an earlier standing.
      again ??= beating.then(() => {
        again = undefined;
        return beatOnce();
      });
      return again;
    },
    async leave(reason) {
      left = true;
      await beating;
      await leave(client, keys, runnerId, reason);
    },
  };
};
