/**
 * What one runner has counted since Redis last took it. Batches are numbered, and the script counts each once: a
 * connection that breaks under a batch neither loses nor doubles it. What is counted meanwhile waits for the next one.
 */
import { type RedisClient, runScript } from '../connect.ts';
import type { PoolKeys } from '../keys.ts';
import { type HistogramName, histogramFields } from './buckets.ts';

export interface Tally {
  count(functionName: string, field: string, by?: number): void;
  observe(functionName: string, histogram: HistogramName, ms: number): void;
  /** Machine time of this runner, for a function, and for a call when it is worth its own line. */
  share(functionName: string, ms: number): void;
  callShare(callId: string, ms: number): void;
  /**
   * Sends what there is, one batch after the other.
   * @param alone send machine time even when the autoscaler does not know this machine (yet): it has no price then
   * @returns whether Redis has everything now. Never rejects
   */
  flush(alone: boolean): Promise<boolean>;
}

type Numbers = Record<string, number>;

interface Counts {
  readonly functions: Record<string, Numbers>;
  readonly shares: Numbers;
  readonly calls: Numbers;
}

/** Functions that are counted by name, in a pool; what comes after them, within a day, is counted as one. */
const MOST_FUNCTIONS = 100;
/** The name under which the others are counted. Functions cannot be called so. */
export const OTHER_FUNCTIONS = '(other)';
/** Calls of one batch that get a line of their own. */
const MOST_CALLS = 500;

export const createTally = (
  client: RedisClient,
  keys: PoolKeys,
  runnerId: string,
  onError: (error: Error) => void,
): Tally => {
  let counts = none();
  let sending: { readonly seq: number; readonly counts: Counts } | undefined;
  let flushing: Promise<boolean> | undefined;
  let seq = 0;

  const send = async (alone: boolean): Promise<boolean> => {
    try {
      while (sending !== undefined || !isEmpty(counts)) {
        if (sending === undefined) {
          seq += 1;
          sending = { seq, counts: { ...counts, shares: whole(counts.shares), calls: whole(counts.calls) } };
          counts = { ...none(), shares: rest(counts.shares), calls: rest(counts.calls) };
        }
        const batch = sending;
        const args = [runnerId, batch.seq, alone ? 1 : 0, MOST_FUNCTIONS, JSON.stringify(batch.counts)];
        const scriptKeys = [keys.runner(runnerId), keys.metrics, keys.machines, keys.queue];
        const taken = (await runScript(client, 'flameCount', [...scriptKeys, ...args])) === 1;
        sending = undefined;
        if (taken) continue;
        // The autoscaler has not yet written down what this machine costs: its time is told again.
        for (const [name, ms] of Object.entries(batch.counts.shares)) raise(counts.shares, name, ms);
        for (const [id, ms] of Object.entries(batch.counts.calls)) raise(counts.calls, id, ms);
        return true;
      }
      return true;
    } catch (error) {
      onError(error as Error);
      return false;
    }
  };

  return {
    count: (name, field, by = 1) => raise(of(counts.functions, name), field, by),
    observe(name, histogram, ms) {
      for (const [field, by] of histogramFields(histogram, ms)) raise(of(counts.functions, name), field, by);
    },
    share: (name, ms) => raise(counts.shares, name, ms),
    callShare(callId, ms) {
      if (Object.hasOwn(counts.calls, callId) || Object.keys(counts.calls).length < MOST_CALLS)
        raise(counts.calls, callId, ms);
    },
    async flush(alone) {
      await flushing;
      flushing = send(alone).finally(() => {
        flushing = undefined;
      });
      return flushing;
    },
  };
};

/** Names are users': one may be called `__proto__`. */
const plain = <T>(): Record<string, T> => Object.create(null) as Record<string, T>;
const none = (): Counts => ({ functions: plain(), shares: plain(), calls: plain() });
const isEmpty = ({ functions, shares, calls }: Counts): boolean =>
  Object.keys(functions).length === 0 && [shares, calls].every((each) => Object.values(each).every((ms) => ms < 1));

/** Only whole milliseconds are told, so that time and money agree; the rest goes with the next ones. */
const whole = (times: Numbers): Numbers => mapped(times, Math.floor);
const rest = (times: Numbers): Numbers => mapped(times, (ms) => ms - Math.floor(ms));

const mapped = (times: Numbers, of: (ms: number) => number): Numbers => {
  const result = plain<number>();
  for (const [name, ms] of Object.entries(times)) if (of(ms) > 0) result[name] = of(ms);
  return result;
};

const of = (functions: Record<string, Numbers>, name: string): Numbers => {
  functions[name] ??= plain();
  return functions[name];
};

const raise = (numbers: Numbers, name: string, by: number): void => {
  numbers[name] = (numbers[name] ?? 0) + by;
};
