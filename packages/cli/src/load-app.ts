/** What every command begins with: the application's config. */
import type { AppConfig } from '@flamejs/queue';
import type { Command } from 'commander';

/** @throws FlameConfigError with every problem of the config, or that none was found */
export const loadApp = async (command: Command): Promise<AppConfig> => {
  const { config } = command.optsWithGlobals<{ config?: string }>();
  // Loaded here, so that `flame --help` answers at once.
  const { loadConfig } = await import('@flamejs/queue/load-config');
  return loadConfig(config === undefined ? {} : { file: config });
};
