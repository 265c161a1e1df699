/** Finds out which module called into this package. */
import { fileURLToPath } from 'node:url';

export interface Caller {
  /**
   * Path of its file, with its query (a reloaded module has another one); a bundler's name for the module, or the file of
   * the bundle, when it is bundled.
   */
  readonly file: string;
  /** Line and column: `12:7`. */
  readonly position: string;
}

/**
 * Asked of the function that was called and not by the folder of its file: source maps, loaders and bundlers give our own
 * frames any name.
 *
 * @param called a function of this package; what called it is looked for
 * @returns `undefined` when the stack names no place.
 */
export const callerOf = (called: (...args: never[]) => unknown): Caller | undefined => {
  const holder: { stack?: string } = {};
  const { stackTraceLimit, prepareStackTrace } = Error;
  // What an application has put there may make anything of it.
  Error.prepareStackTrace = undefined as unknown as NonNullable<typeof prepareStackTrace>;
  Error.stackTraceLimit = 10;
  try {
    Error.captureStackTrace(holder, called);
    // It is made when it is first read.
    return placeIn(String(holder.stack));
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    Error.prepareStackTrace = prepareStackTrace as NonNullable<typeof prepareStackTrace>;
  }
};

const PLACE = /^(.+):(\d+:\d+)$/;

/** The first frame that stands in a file: `flame.fn` may be called from within `map`, which is native. */
const placeIn = (stack: string): Caller | undefined => {
  for (const line of stack.split('\n')) {
    const frame = line.trim();
    if (!frame.startsWith('at ')) continue;
    const at = frame.indexOf(' (', 3);
    const location = at === -1 ? frame.slice(3).replace(/^async /, '') : frame.slice(at + 2, -1);
    const [, file, position] = PLACE.exec(location) ?? [];
    if (file === undefined || position === undefined || file.startsWith('node:') || file.includes('<anonymous>'))
      continue;
    return { file: toPath(file), position };
  }
  return undefined;
};

const toPath = (location: string): string => {
  if (!location.startsWith('file://')) return location;
  const [address = location, query] = location.split('?');
  const path = fileURLToPath(address);
  return query === undefined ? path : `${path}?${query}`;
};
