/**
 * Ctrl-C and SIGTERM: the first asks for an orderly end, another one later ends at once.
 *
 * One wish comes as several signals where somebody stands between: Ctrl-C reaches the whole group of the terminal, and a package
 * manager that ends of it sends its child one more.
 */

/** Signals that come sooner than a person asks twice are one wish. */
const ONE_WISH_MS = 1_000;
/** For the last lines of output; nothing that was left behind keeps the process any longer. */
const LAST_LINES_MS = 300;

/** @returns when the first signal has come. One that comes a second later, or after that, ends the process with code 130. */
export const untilStopped = (): Promise<NodeJS.Signals> =>
  new Promise((resolve) => {
    let askedAt: number | undefined;
    const onSignal = (signal: NodeJS.Signals): void => {
      const now = performance.now();
      if (askedAt !== undefined && now - askedAt >= ONE_WISH_MS) process.exit(130);
      askedAt ??= now;
      resolve(signal);
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });

/** For a command that has stopped all it had: it ends, whatever could not be closed and would keep it alive. */
export const endSoon = (): void => {
  setTimeout(() => process.exit(), LAST_LINES_MS).unref();
};
