/**
 * An executor as a worker thread: lighter, and weaker. A native crash takes the whole runner with it, memory outside V8's
 * heap is not limited, and child processes of user code are not ended with it.
 */
import { Worker } from 'node:worker_threads';
import type { Link, OpenLink } from './link.ts';
import { heapMegabytes } from './node-options.ts';
import { readStartMemory, startMemory } from './start-mark.ts';

export interface ThreadLinkOptions {
  readonly entry: URL;
  readonly execArgv: readonly string[];
  readonly env: (mark: string) => Readonly<Record<string, string>>;
  readonly memoryLimit: number | undefined;
  /** URLs of modules whose `register()` lets the thread load TypeScript. */
  readonly loaders: readonly string[];
}

export interface ThreadData {
  readonly memory: SharedArrayBuffer;
  readonly loaders: readonly string[];
}

/** How long output may lag behind the exit. */
const OUTPUT_LAG_MS = 200;

export const threadLinks =
  ({ entry, execArgv, env, memoryLimit, loaders }: ThreadLinkOptions): OpenLink =>
  (mark, _tempDir, events) => {
    const memory = startMemory();
    const worker = new Worker(entry, {
      workerData: { memory, loaders } satisfies ThreadData,
      env: env(mark),
      execArgv: [...execArgv],
      stdin: false,
      stdout: true,
      stderr: true,
      ...(memoryLimit === undefined
        ? {}
        : { resourceLimits: { maxOldGenerationSizeMb: heapMegabytes(memoryLimit), maxYoungGenerationSizeMb: 16 } }),
    });
    let error: { readonly code?: unknown; readonly message?: unknown } | undefined;
    let ended = false;
    let killed = false;
    worker.on('message', events.onMessage);
    worker.stdout.on('data', (chunk: Buffer) => events.onOutput('stdout', chunk));
    worker.stderr.on('data', (chunk: Buffer) => events.onOutput('stderr', chunk));
    worker.on('error', (thrown) => {
      error = thrown as { code?: unknown; message?: unknown };
    });
    const outputEnd = Promise.all(
      [worker.stdout, worker.stderr].map((stream) => new Promise((r) => stream.once('close', r))),
    );
    worker.on('exit', async (exitCode) => {
      if (ended) return;
      ended = true;
      await Promise.race([outputEnd, new Promise((resolve) => setTimeout(resolve, OUTPUT_LAG_MS).unref())]);
      events.onEnd({
        exitCode,
        signal: null,
        killed,
        heapExhausted: error?.code === 'ERR_WORKER_OUT_OF_MEMORY',
        error: error === undefined ? undefined : String(error.message),
      });
    });
    return {
      pid: undefined,
      startedAgo: readStartMemory(memory),
      send: (message) => worker.postMessage(message),
      kill: () => {
        killed = true;
        void worker.terminate();
      },
    } satisfies Link;
  };
