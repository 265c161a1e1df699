/** Entry of an executor process. */
import { MARK_ENV } from '../markers.ts';
import { offerToKernel } from './offer-to-kernel.ts';
import { openProcessPort } from './process-port.ts';
import { startWatchdog } from './start-watchdog.ts';

const tempDir = process.argv[2];
if (tempDir === undefined) throw new Error('This file is the entry of executors; a runner starts it.');
const [, , , runnerPid] = process.argv;
// First of all, before anything that takes long to load: from here on this process cannot outlive its runner.
const watchdog =
  runnerPid === undefined
    ? startWatchdog({ mark: process.env[MARK_ENV] ?? '', parentPid: process.ppid, tempDir })
    : undefined;
// The kernel does it from the moment that it was told to; the runner may have died before.
if (runnerPid !== undefined && process.ppid !== Number(runnerPid)) process.exit(1);
// Whoever stops the runner's whole process tree (systemd does) means the runner, which decides what its executors do.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
offerToKernel();
// Without its channel the process would end as soon as it is idle, before the watchdog has cleaned up.
const port = openProcessPort(tempDir, () => watchdog?.ref());
const { serve } = await import('./serve.ts');
serve(port, true);
