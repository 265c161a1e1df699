/** Logs go to stderr: stdout is for what a command has to say. */
import { logDestination } from '@flamejs/protocol/log-destination';
import type { Logger } from 'pino';

/** @param level unless LOG_LEVEL says otherwise */
export const createLogger = async (name: string, level: 'info' | 'warn'): Promise<Logger> => {
  const { pino } = await import('./pino.ts');
  return pino({ name, level: process.env.LOG_LEVEL ?? level }, logDestination() ?? pino.destination(2));
};
