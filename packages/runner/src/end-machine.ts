/** The end of the machine: the process itself, and on a VM whatever `FLAME_END_MACHINE` names (`poweroff`, mostly). */
import { spawn } from 'node:child_process';
import type { Logger } from 'pino';

/** @param command of the shell; `undefined` when the end of this process ends the machine (containers, local processes) */
export const endMachine = (command: string | undefined, logger: Logger): void => {
  if (command === undefined || command === '') return;
  logger.info({ command }, 'ending the machine');
  const child = spawn('/bin/sh', ['-c', command], { detached: true, stdio: 'ignore' });
  child.on('error', (error) => logger.error({ err: error, command }, 'the machine could not be ended'));
  child.unref();
};
