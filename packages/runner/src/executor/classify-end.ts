/** From how an executor ended to what became of its call. Pure, but for the question to the kernel's count. */
import type { LinkEnd } from './link.ts';
import type { OomKills } from './oom-kills.ts';
import type { ExecutionResult } from './types.ts';

/** What travels with a crash. */
const STDERR_TAIL_LENGTH = 4096;

export interface EndFacts {
  readonly end: LinkEnd;
  /** The end of what it wrote to stderr. */
  readonly stderr: string;
  /** What the pool's memory limit is, and what V8 allowed itself. */
  readonly memoryLimit: number | undefined;
  readonly heapLimit: number | undefined;
  /** The last measurement of its resident memory. */
  readonly usedBytes: number | undefined;
  /** What the kernel has killed for want of memory; asked only for one that was killed from outside. */
  readonly oomKills: Pick<OomKills, 'take' | 'limitBytes'>;
}

/** @param facts of an executor that ended during a call although the runner did not end it. */
export const classifyEnd = (facts: EndFacts): ExecutionResult => {
  const { end, stderr, memoryLimit, heapLimit, usedBytes, oomKills } = facts;
  const killedFromOutside = end.signal === 'SIGKILL' && !end.killed;
  if (killedFromOutside && oomKills.take())
    return { kind: 'memory', limitBytes: memoryLimit ?? oomKills.limitBytes ?? null, usedBytes: usedBytes ?? null };
  if (end.heapExhausted || (aborted(end) && /heap out of memory|heap limit/i.test(stderr)))
    return { kind: 'memory', limitBytes: memoryLimit ?? heapLimit ?? null, usedBytes: usedBytes ?? null };
  return {
    kind: 'crashed',
    exitCode: end.exitCode,
    signal: end.signal,
    stderr: (end.error === undefined ? stderr : `${stderr}\n${end.error}`).slice(-STDERR_TAIL_LENGTH),
    // A function can only end itself by SIGKILL on purpose; the kernel and operators do it to innocents.
    byOutsider: killedFromOutside,
  };
};

// A shell or a wrapper turns the signal into 128 + 6.
const aborted = (end: LinkEnd): boolean => end.signal === 'SIGABRT' || end.signal === 'SIGTRAP' || end.exitCode === 134;

/** @returns why an executor did not become ready */
export const describeBootEnd = ({ exitCode, signal, error }: LinkEnd, stderr: string): string => {
  const how = error ?? (signal === null ? `it exited with code ${exitCode}` : `it was ended by ${signal}`);
  const lastWords = stderr.trim().split('\n').at(-1);
  return `an executor ended while it loaded the modules: ${how}${lastWords ? `, after it had printed: ${lastWords}` : ''}`;
};
