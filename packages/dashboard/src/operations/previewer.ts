/**
 * Previews of values: small ones at once, others in a thread, so that no value can keep the pages, the health checks and Redis' replies
 * of this process waiting. What takes too long or too much memory there is given up, and said so.
 */
import { Worker } from 'node:worker_threads';
import { type PreviewRequest, preview } from './preview.ts';
import type { Shown } from './types.ts';

export type Previewer = (request: PreviewRequest) => Promise<Shown>;

/** Encoded bytes that cost less than a thread's answer. */
const AT_ONCE_BYTES = 64 * 1024;
const LONGEST_MS = 5_000;
const HEAP_MB = 512;

/** Run from its source, as tests do, the thread is that of the build: Node 20 reads no TypeScript. */
const THREAD = import.meta.url.endsWith('.ts')
  ? new URL('../../dist/operations/preview-worker.js', import.meta.url)
  : new URL('./preview-worker.js', import.meta.url);

interface Thread {
  readonly worker: Worker;
  /** Its modules are loaded; how long that takes is no value's fault. */
  readonly ready: Promise<void>;
}

interface Waiting {
  readonly resolve: (shown: Shown) => void;
  readonly size: number;
}

/** @param longestMs how long one preview may take, those before it included */
export const createPreviewer = (longestMs = LONGEST_MS): { readonly preview: Previewer; close(): void } => {
  const waiting = new Map<number, Waiting>();
  let thread: Thread | undefined;
  let count = 0;

  const giveUp = (why: string): void => {
    const [ending, given] = [thread, [...waiting.values()]];
    thread = undefined;
    waiting.clear();
    for (const { resolve, size } of given) resolve({ kind: 'unreadable', message: why, size });
    void ending?.worker.terminate();
  };

  const threadOf = (): Thread => {
    if (thread !== undefined) return thread;
    const worker = new Worker(THREAD, { resourceLimits: { maxOldGenerationSizeMb: HEAP_MB } });
    // It is no reason for a command to go on.
    worker.unref();
    const ready = new Promise<void>((resolve) => {
      worker.once('message', () => resolve());
      worker.once('exit', () => resolve());
    });
    worker.on('message', ({ id, shown }: { readonly id: number; readonly shown: Shown }) => {
      waiting.get(id)?.resolve(shown);
      waiting.delete(id);
    });
    worker.on('error', (error: Error) => {
      if (thread?.worker === worker) giveUp(`it could not be made readable: ${error.message}`);
    });
    thread = { worker, ready };
    return thread;
  };

  return {
    async preview(request) {
      if (request.encoded.length <= AT_ONCE_BYTES) return preview(request);
      const id = ++count;
      const { worker, ready } = threadOf();
      let timer: NodeJS.Timeout | undefined;
      try {
        return await new Promise<Shown>((resolve) => {
          waiting.set(id, { resolve, size: request.size });
          worker.postMessage({ id, request });
          void ready.then(() => {
            if (!waiting.has(id)) return;
            timer = setTimeout(() => giveUp(`making it readable took longer than ${longestMs} ms`), longestMs);
          });
        });
      } finally {
        clearTimeout(timer);
      }
    },
    close: () => giveUp('the dashboard ends'),
  };
};
