/** Ctrl-C and SIGTERM: the first asks for an orderly end, the second ends at once. */

/** For the last lines of output; nothing that was left behind keeps the process any longer. */
const LAST_LINES_MS = 300;

/** @returns when the first signal has come. A second one ends the process. */
export const untilStopped = (): Promise<NodeJS.Signals> =>
  new Promise((resolve) => {
    let asked = false;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (asked) process.exit(130);
      asked = true;
      resolve(signal);
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });

/** For a command that has stopped all it had: it ends, whatever could not be closed and would keep it alive. */
export const endSoon = (): void => {
  setTimeout(() => process.exit(), LAST_LINES_MS).unref();
};
