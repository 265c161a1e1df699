/** The entry of flame.config.ts. */
import { basename, dirname } from 'node:path';
import { inspect } from 'node:util';
import { callerOf } from '../caller.ts';
import type { ConfigInput } from './input.ts';
import { parseConfig } from './parse-config.ts';
import { redactConfig } from './redact.ts';
import type { AppConfig, PoolConfig } from './types.ts';

const INPUT = Symbol.for('@flamejs/config');
const CONFIG_FILE = /^flame\.config\.[cm]?[jt]s$/;

/** A parsed configuration. What it was made of is kept, so that it can be parsed again where more is known. */
export interface Config<Pool extends string = string> extends AppConfig {
  readonly pools: Readonly<Record<Pool, PoolConfig>>;
  readonly [INPUT]: ConfigInput;
}

/**
 * Parses the configuration, once. Paths in it are relative to the folder of the calling module when that is named
 * `flame.config.*`, else to the current working directory; `flame` commands take the folder of the file that they load.
 *
 * Of the environment, FLAME_REDIS_URL, FLAME_SIGNING_KEY, FLAME_ENCRYPTION_KEYS (each also as a file that `…_FILE` names) and FLAME_RELEASE win
 * over what stands here; when `redis` is absent, REDIS_URL is used, else the Redis that `flame dev` has started for the
 * application (never with NODE_ENV=production), else redis://127.0.0.1:6379.
 *
 * @returns the configuration with every default filled in, for `createFlame`.
 * @throws FlameConfigError that lists every problem with its path.
 */
export const defineConfig = <Pool extends string>(input: ConfigInput<Pool>): Config<Pool> => {
  const caller = callerOf(defineConfig)?.file.replace(/\?.*$/, '');
  const configFile = caller !== undefined && CONFIG_FILE.test(basename(caller)) ? caller : undefined;
  const root = configFile === undefined ? process.cwd() : dirname(configFile);
  return withInput(parseConfig(input, { root, configFile }), input) as Config<Pool>;
};

/** @returns the configuration that a module exports, parsed for the folder of its file. */
export const adoptConfig = (exported: ConfigInput | Config, configFile: string, env?: NodeJS.ProcessEnv): Config => {
  const input = INPUT in exported ? exported[INPUT] : exported;
  return withInput(parseConfig(input, { root: dirname(configFile), configFile, env }), input);
};

/** All hidden: a copy or a comparison of the config is one of the parsed form, and what prints it prints no secrets. */
const withInput = (config: AppConfig, input: ConfigInput): Config => {
  const shown = (): Record<string, unknown> => redactConfig(config);
  return Object.defineProperties({ ...config } as Config, {
    [INPUT]: { value: input },
    [inspect.custom]: { value: shown },
    toJSON: { value: shown },
  });
};
