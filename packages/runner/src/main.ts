/**
 * The runner as a process: who it is stands in its environment. It ends with code 0 when it was told to, with 1 when it
 * could not start; its end ends the machine.
 */
import { randomBytes } from 'node:crypto';
import { isExternal } from '@flamejs/queue/internal';
import { loadConfig } from '@flamejs/queue/load-config';
import { type Logger, pino } from 'pino';
import { endMachine } from './end-machine.ts';
import { openExecutors } from './open-executors.ts';
import { platformName, platformRunnerId } from './platform-name.ts';
import { poolOf } from './pool-of.ts';

const { env } = process;

const run = async (): Promise<number> => {
  let logger = loggerOf(env.FLAME_RUNNER_ID);
  try {
    if (process.pid === 1) logger.warn(NO_INIT);
    const config = await loadConfig();
    const pool = poolOf(config, env.FLAME_POOL);
    const platform = isExternal(pool.backend) ? await platformName(env) : undefined;
    const runnerId = platform === undefined ? env.FLAME_RUNNER_ID || byHand() : platformRunnerId(platform);
    logger = loggerOf(runnerId);
    const executors = openExecutors(config, pool, { runnerId, logger });
    // Only now: the libraries that it needs take as long to load as the executors.
    const { serveMachine } = await import('./serve-machine.ts');
    const reason = await serveMachine(config, { pool, runnerId, platform, executors, logger, env });
    logger.info({ reason }, 'runner ended');
    return 0;
  } catch (error) {
    logger.fatal({ err: error }, 'the runner could not start');
    return 1;
  } finally {
    endMachine(env.FLAME_END_MACHINE, logger);
  }
};

const byHand = (): string => `by-hand-${randomBytes(6).toString('hex')}`;
const loggerOf = (runnerId: string | undefined): Logger =>
  pino({ level: env.FLAME_LOG_LEVEL || 'info', base: { ...(runnerId && { runnerId }), pid: process.pid } });

// Node waits for its own children only; the kernel hands process 1 everybody's.
const NO_INIT =
  'this runner is process 1: what functions leave behind stays as zombies; start it through an init, such as `docker run --init` or the ENTRYPOINT of docker/Dockerfile';

// A fault of our own: the calls here are taken back when their locks run out, and the machine must not stay for nothing.
process.on('uncaughtException', (error) => {
  const logger = pino({ base: { pid: process.pid } });
  logger.fatal({ err: error }, 'the runner had a fault and ends');
  endMachine(env.FLAME_END_MACHINE, logger);
  process.exit(1);
});

process.exitCode = await run();
// Whatever a library left open must not keep the machine.
process.exit();
