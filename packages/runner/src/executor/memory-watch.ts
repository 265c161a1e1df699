/**
 * Watches the resident memory of executors. V8's own limit knows nothing of Buffers and native memory, so the pages that
 * the kernel counts are what decides.
 */
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';

const INTERVAL_MS = 250;

export interface MemoryWatch {
  stop(): void;
}

/** @returns bytes of a process and all that it started, or `undefined` when the process is gone or cannot be read. */
export const residentBytes = async (pid: number): Promise<number | undefined> => {
  const own = await ownBytes(pid);
  if (own === undefined) return undefined;
  let total = own;
  for (const child of await childrenOf(pid)) total += (await residentBytes(child)) ?? 0;
  return total;
};

/**
 * Measures every target about four times a second, one after the other, until it is stopped.
 * @param targets pids to look at, asked anew each time.
 */
export const watchMemory = (
  targets: () => readonly number[],
  onMeasured: (pid: number, bytes: number) => void,
  intervalMs = INTERVAL_MS,
): MemoryWatch => {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  const round = async (): Promise<void> => {
    for (const pid of targets()) {
      const bytes = await residentBytes(pid);
      if (stopped) return;
      if (bytes !== undefined) onMeasured(pid, bytes);
    }
    if (!stopped) timer = setTimeout(round, intervalMs).unref();
  };
  timer = setTimeout(round, intervalMs).unref();
  return {
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
};

/**
 * Without a turn of the event loop: some ten microseconds, for between two calls.
 * @returns bytes of the process alone, or `undefined` when it is gone or cannot be read.
 */
export const ownBytesNow = (pid: number): number | undefined => {
  try {
    return rssIn(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return undefined;
  }
};

const ownBytes = async (pid: number): Promise<number | undefined> =>
  rssIn(await readFile(`/proc/${pid}/status`, 'latin1').catch(() => ''));

// `status` and not `statm`: its unit does not depend on the size of a page.
const rssIn = (status: string): number | undefined => {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(status);
  return match === null ? undefined : Number(match[1]) * 1024;
};

const childrenOf = async (pid: number): Promise<readonly number[]> => {
  // A child belongs to the thread that forked it.
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, 'latin1').catch(() => '')),
  );
  return lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number));
};
