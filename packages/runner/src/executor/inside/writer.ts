/**
 * Who does something right now: a module that is being loaded, or a call. What a module sets up when it is loaded stays, even when
 * a call was what loaded it; what a call does is undone after it. The stack tells.
 */

/** `unknown`: after an `await` at a module's top level nothing says any more whose code it is. */
export type Writer = 'module' | 'call' | 'unknown';

export interface Frame {
  readonly file: string;
  readonly name: string;
}

const DEPTH = 200;

/** @returns who calls, innermost first, from `skip` on. Costs some ten microseconds. */
export const framesNow = (skip: (...args: never) => unknown): readonly Frame[] => {
  const { stackTraceLimit, prepareStackTrace } = Error;
  let frames: readonly Frame[] = [];
  try {
    Error.stackTraceLimit = DEPTH;
    Error.prepareStackTrace = (_, sites) => {
      frames = sites.map((site) => ({ file: site.getFileName() ?? '', name: site.getFunctionName() ?? '' }));
      return '';
    };
    const holder: { stack?: unknown } = {};
    Error.captureStackTrace(holder, skip);
    // Where it is made when it is read.
    void holder.stack;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    Error.prepareStackTrace = prepareStackTrace;
  }
  return frames;
};

/** @param frames innermost first */
export const writerOf = (frames: readonly Frame[]): Writer => {
  if (frames.some(isLoader)) return 'module';
  const code = frames.filter(({ file }) => !file.startsWith('node:') && file !== '');
  return code.length > 0 && code.every(({ name }) => name === '') ? 'unknown' : 'call';
};

/** Whether code of the application asks, itself or through a library, rather than a library that is being loaded, or Node. */
export const isApplication = (frames: readonly Frame[]): boolean => {
  if (frames[0]?.file.startsWith('node:')) return false;
  for (const frame of frames) {
    if (isLoader(frame)) return false;
    if (frame.file !== '' && !frame.file.startsWith('node:') && !IN_LIBRARY.test(frame.file)) return true;
  }
  // A library that works on after an `await` shows nothing of who called it.
  return true;
};

const IN_LIBRARY = /[\\/]node_modules[\\/]/;

/** Node while it evaluates a module of either kind. */
const isLoader = ({ file }: Frame): boolean => /^node:internal\/modules\/(cjs\/loader|esm\/module_job)$/.test(file);
