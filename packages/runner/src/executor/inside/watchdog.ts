/**
 * A thread beside the one that runs user code. It holds the lifeline, a pipe whose other end is the runner's: when the
 * runner dies, however it dies, the pipe closes, and this ends the executor with all that it started, also when user code
 * is in an endless loop and would never notice.
 */
import { rmdirSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { dirname } from 'node:path';
import { workerData } from 'node:worker_threads';
import { LIFELINE_FD } from '../markers.ts';
import { killGroup, killMarkedNow, mayHaveChildren } from '../stragglers.ts';
import type { WatchdogData } from './start-watchdog.ts';

const PARENT_CHECK_MS = 1_000;

const { mark, parentPid, tempDir } = workerData as WatchdogData;
let ending = false;

// Nothing may run in between: the call of the dead runner would go on meanwhile, while another runner has it.
const end = (): void => {
  if (ending) return;
  ending = true;
  try {
    // The look at all processes takes longest, and meanwhile the call may complete.
    if (mayHaveChildren()) killMarkedNow(mark);
    rmSync(tempDir, { recursive: true, force: true });
    // The last executor takes the runner's directory with it.
    rmdirSync(dirname(tempDir));
  } catch {
    // Others still use it.
  } finally {
    killGroup(process.pid);
  }
};

const lifeline = new Socket({ fd: LIFELINE_FD, readable: true, writable: false });
lifeline.on('end', end);
lifeline.on('close', end);
lifeline.on('error', end);
lifeline.resume();
// A process that user code has forked without exec would hold the pipe open; the parent's pid tells then.
setInterval(() => {
  if (process.ppid !== parentPid) end();
}, PARENT_CHECK_MS);
