/** Starts the watchdog's thread. */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';

export interface WatchdogData {
  readonly mark: string;
  readonly parentPid: number;
  readonly tempDir: string;
}

/**
 * Without its watchdog an executor could outlive its runner for ever, so it ends itself when the thread breaks.
 * @returns the thread, which by itself does not keep the process alive
 */
export const startWatchdog = (data: WatchdogData): Worker => {
  const extension = extname(import.meta.url);
  const worker = new Worker(new URL(`./watchdog${extension}`, import.meta.url), {
    workerData: data,
    env: {},
    // The application's loaders would cost time and memory here, and are needed only when this runs from its source.
    execArgv: extension === '.ts' ? process.execArgv : [],
    resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2 },
  });
  worker.on('error', (error) => {
    process.stderr.write(`The executor's watchdog has failed: ${error.message}\n`);
    process.kill(-process.pid, 'SIGKILL');
  });
  worker.unref();
  return worker;
};
