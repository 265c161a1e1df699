/** Where parts of Flame log that were given no logger: stdout, unless a command that prints for people takes it over. */

interface LogDestination {
  write(line: string): void;
}

const PLACE = Symbol.for('@flamejs/log-destination');
const holder = globalThis as { [PLACE]?: LogDestination };

/** @returns what has been set, by whichever copy of this package. */
export const logDestination = (): LogDestination | undefined => holder[PLACE];

export const setLogDestination = (destination: LogDestination): void => {
  holder[PLACE] = destination;
};
