/** Entry of an executor process. */
import { MARK_ENV } from '../markers.ts';
import { offerToKernel } from './offer-to-kernel.ts';
import { openProcessPort } from './process-port.ts';
import { startWatchdog } from './start-watchdog.ts';

const tempDir = process.argv[2];
if (tempDir === undefined) throw new Error('This file is the entry of executors; a runner starts it.');
// First of all, before anything that takes long to load: from here on this process cannot outlive its runner.
startWatchdog({ mark: process.env[MARK_ENV] ?? '', parentPid: process.ppid, tempDir });
offerToKernel();
// Whoever stops the runner's whole process tree (systemd does) means the runner, which decides what its executors do.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
const port = openProcessPort(tempDir);
const { serve } = await import('./serve.ts');
serve(port, true);
