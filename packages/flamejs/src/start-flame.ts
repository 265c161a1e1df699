/** A real fleet for integration tests: a Redis of its own, an autoscaler, and runners as processes of this machine. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAutoscaler } from '@flamejs/autoscaler';
import { startServer } from '@flamejs/cli/start-redis';
import { type AppConfig, createFlame, type Flame } from '@flamejs/queue';
import { pino } from 'pino';

export interface StartFlameOptions {
  /** URL of a Redis that is there for tests. Default: one is started, which needs redis-server or valkey-server on PATH. */
  readonly redis?: string;
  /** Lowest level of what autoscaler and runners log to stdout. Default: `silent`. */
  readonly logLevel?: 'silent' | 'warn' | 'info';
}

export interface TestFleet {
  /** Calls of it run on the fleet's runners. */
  readonly flame: Flame;
  readonly redisUrl: string;
  /** Ends everything that was started, runners included. Safe to call twice. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a fleet for an application's own config: its pools and functions, with runners on this machine whatever their backend
 * is, and no runner before a call needs one.
 *
 * @param config what `flame.config` exports; it must be a file, for runners load it.
 * @throws FlameConfigError when no Redis can be started. @example await using fleet = await startFlame(config);
 */
export const startFlame = async (config: AppConfig, options: StartFlameOptions = {}): Promise<TestFleet> => {
  const data = await mkdtemp(join(tmpdir(), 'flame-test-'));
  const server = options.redis === undefined ? await startServer(data) : undefined;
  const redisUrl = options.redis ?? server?.url ?? '';
  const logger = pino({ name: 'flame-test', level: options.logLevel ?? 'silent' });
  const fleet: AppConfig = {
    ...config,
    redis: { kind: 'single', url: redisUrl, options: {} },
    pools: Object.fromEntries(
      Object.entries(config.pools).map(([name, pool]) => [
        name,
        // A test runner's setup may have switched this process to inline mode; its runners are real.
        { ...pool, min: 0, backend: undefined, env: { ...pool.env, FLAME_MODE: 'redis' } },
      ]),
    ),
  };
  const autoscaler = createAutoscaler(fleet, { logger });
  const flame = createFlame(fleet, { logger, mode: 'redis' });
  let stopping: Promise<void> | undefined;
  const stopAll = async (): Promise<void> => {
    await flame.close();
    await autoscaler.stop();
    await server?.stop();
    await rm(data, { recursive: true, force: true });
  };
  const stop = (): Promise<void> => {
    stopping ??= stopAll();
    return stopping;
  };
  try {
    await autoscaler.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return { flame, redisUrl, stop, [Symbol.asyncDispose]: stop };
};
