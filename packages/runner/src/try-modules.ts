/** Whether a pool's modules can be loaded, found out as a runner would: in an executor, which is ended again. */
import type { AppConfig, PoolConfig } from '@flamejs/queue';
import { FlameBootError } from '@flamejs/queue/internal';
import type { Logger } from 'pino';
import { openExecutors } from './open-executors.ts';

/**
 * Loads them in a process with exactly the environment and loader that executors get, and this process's working directory.
 *
 * @param onMissedEnv told of each variable that they read and are not given, with what to add
 * @returns why they cannot be loaded, in one sentence; `undefined` when they can. At the latest after the pool's `bootTimeout`.
 * @throws FlameConfigError when a pattern matches nothing, or nothing here loads TypeScript.
 */
export const tryModules = async (
  config: AppConfig,
  pool: PoolConfig,
  logger: Logger,
  onMissedEnv?: (advice: string) => void,
): Promise<string | undefined> => {
  // One executor, and no spare one.
  const executors = openExecutors(config, { ...pool, singleUse: true }, { runnerId: 'doctor', logger, onMissedEnv });
  try {
    await executors.ready;
    return undefined;
  } catch (error) {
    if (error instanceof FlameBootError) return error.reason;
    throw error;
  } finally {
    await executors.close();
  }
};
