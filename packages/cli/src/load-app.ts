/** What every command begins with: the application's config. */
import type { AppConfig } from '@flamejs/queue';
import { loadConfig } from '@flamejs/queue/internal';
import type { Command } from 'commander';

/** @throws FlameConfigError with every problem of the config, or that none was found */
export const loadApp = (command: Command): Promise<AppConfig> => {
  const { config } = command.optsWithGlobals<{ config?: string }>();
  return loadConfig(config === undefined ? {} : { file: config });
};
