/**
 * What keeps this process alive: something that is under way, and never a connection that only stands by. A program that awaits
 * nothing any more ends without `close()`.
 */
export interface KeepAlive {
  /** Something begins for which the process has to stay. */
  hold(): void;
  /** It has ended. */
  release(): void;
}

/** The longest that Node's timers take. */
const LONG_MS = 2 ** 31 - 1;

export const createKeepAlive = (): KeepAlive => {
  let holds = 0;
  let timer: NodeJS.Timeout | undefined;
  return {
    hold() {
      holds += 1;
      if (timer === undefined) timer = setInterval(() => undefined, LONG_MS);
      else if (holds === 1) timer.ref();
    },
    release() {
      holds -= 1;
      // Not cleared: a timer is made once, not for each call that is awaited alone.
      if (holds === 0) timer?.unref();
    },
  };
};

/** For what nobody has to wait for. */
export const noKeepAlive: KeepAlive = { hold: () => undefined, release: () => undefined };
