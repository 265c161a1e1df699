/**
 * How long a function has been kept waiting by its reader. It counts only while the executor answers pings: code that computes beside a `yield` that
 * waits is executing.
 */

export interface Standstill {
  /** Milliseconds so far. */
  readonly ms: number;
  begin(ping: (n: number) => void): void;
  onPong(n: number): void;
  end(): void;
}

const PING_MS = 250;
/** An answer that takes longer was kept back by code that runs. */
const ANSWER_MS = 1_000;

export const createStandstill = (now: () => number = () => performance.now()): Standstill => {
  let total = 0;
  let timer: NodeJS.Timeout | undefined;
  /** Up to when it is known to have waited. */
  let since = 0;
  let sent = { n: 0, at: 0 };
  let answered = 0;

  return {
    get ms() {
      return timer !== undefined && now() - since < ANSWER_MS ? total + now() - since : total;
    },
    begin(ping) {
      if (timer !== undefined) return;
      since = now();
      const ask = (): void => {
        if (sent.n > answered) return;
        sent = { n: sent.n + 1, at: now() };
        ping(sent.n);
      };
      timer = setInterval(ask, PING_MS);
      ask();
    },
    onPong(n) {
      if (n !== sent.n) return;
      answered = n;
      const at = now();
      if (timer !== undefined && at - sent.at < ANSWER_MS) total += at - since;
      since = at;
    },
    end() {
      if (timer === undefined) return;
      clearInterval(timer);
      timer = undefined;
      if (now() - since < ANSWER_MS) total += now() - since;
    },
  };
};
