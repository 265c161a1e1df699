/** Processor time of processes as the kernel counts it, of all their threads: a busy machine makes a call slower, but hardly dearer. */
import { readdirSync, readFileSync } from 'node:fs';

/** @returns processor time until now, microseconds; 0 for a process that is gone. Linux only */
export const processorTimeUs = (pid: number): number => {
  let nanoseconds = 0;
  for (const thread of listed(`/proc/${pid}/task`)) {
    nanoseconds += Number(contents(`/proc/${pid}/task/${thread}/schedstat`).split(' ', 1)[0]);
  }
  return nanoseconds / 1000;
};

/** @returns pids of the processes that this one has started and that live */
export const childrenOf = (pid: number): readonly number[] =>
  listed(`/proc/${pid}/task`).flatMap((thread) =>
    contents(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number),
  );

const listed = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
};

const contents = (file: string): string => {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
};
