/** Finds out which module called into this package. */
import { fileURLToPath } from 'node:url';

const FRAME = /(?:\(|at (?:async )?)((?:file:\/\/|\/|[A-Za-z]:[\\/]).*?):\d+:\d+\)?$/;

/**
 * @param within a module of this package; frames of its folder and below are skipped
 * @returns file path of the nearest module outside, with its query (a reloaded module has another one), or `undefined`
 *   when there is none, as in a bundle.
 */
export const callerOf = (within: string): string | undefined => {
  const folder = toPath(new URL('.', within).href);
  const holder: { stack?: string } = {};
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 30;
  Error.captureStackTrace(holder, callerOf);
  const lines = String(holder.stack).split('\n');
  Error.stackTraceLimit = limit;
  for (const line of lines) {
    const match = FRAME.exec(line.trim());
    if (match?.[1] === undefined) continue;
    const file = toPath(match[1]);
    if (!file.startsWith(folder)) return file;
  }
  return undefined;
};

const toPath = (location: string): string => {
  if (!location.startsWith('file://')) return location;
  const [address = location, query] = location.split('?');
  const path = fileURLToPath(address);
  return query === undefined ? path : `${path}?${query}`;
};
