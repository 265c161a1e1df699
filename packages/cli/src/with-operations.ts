/** A command that looks or acts once: config, connection, work, and everything closed again. */
import type { Operations } from '@flamejs/dashboard/operations';
import type { Tuner } from '@flamejs/queue';
import type { Command } from 'commander';
import { loadApp } from './load-app.ts';

/** @throws FlameConfigError, FlameUnavailableError, or what `work` throws */
export const withOperations = async <T>(
  command: Command,
  work: (operations: Operations) => Promise<T>,
  tuner?: Tuner,
): Promise<T> => {
  const [config, { openOperations }] = await Promise.all([loadApp(command), import('@flamejs/dashboard/operations')]);
  const operations = openOperations(config, 'cli', tuner);
  try {
    await operations.link.ready();
    return await work(operations);
  } finally {
    await operations.close();
  }
};

/** The same for commands about settings, which load what judges them. */
export const withTuner = async <T>(command: Command, work: (operations: Operations) => Promise<T>): Promise<T> => {
  const { tuner } = await import('@flamejs/autoscaler/tuning');
  return withOperations(command, work, tuner);
};

/** Options of a command: commander hands them over untyped. */
export const optionsOf = <Options extends object>(command: Command): Options => command.optsWithGlobals<Options>();
