/**
 * The runner as a process: who it is stands in its environment. It ends with code 0 when it was told to, with 1 when it
 * could not start; its end ends the machine.
 */
import { randomBytes } from 'node:crypto';
import { loadConfig } from '@flamejs/queue/load-config';
import { pino } from 'pino';
import { endMachine } from './end-machine.ts';
import { openExecutors } from './open-executors.ts';
import { poolOf } from './pool-of.ts';

const { env } = process;

const run = async (): Promise<number> => {
  const runnerId = env.FLAME_RUNNER_ID || `by-hand-${randomBytes(6).toString('hex')}`;
  const logger = pino({ level: env.FLAME_LOG_LEVEL || 'info', base: { runnerId, pid: process.pid } });
  try {
    if (process.pid === 1) logger.warn(NO_INIT);
    const config = await loadConfig();
    const pool = poolOf(config, env.FLAME_POOL);
    const executors = openExecutors(config, pool, { runnerId, logger });
    // Only now: the libraries that it needs take as long to load as the executors.
    const { serveMachine } = await import('./serve-machine.ts');
    const reason = await serveMachine(config, { pool, runnerId, executors, logger, env });
    logger.info({ reason }, 'runner ended');
    return 0;
  } catch (error) {
    logger.fatal({ err: error }, 'the runner could not start');
    return 1;
  } finally {
    endMachine(env.FLAME_END_MACHINE, logger);
  }
};

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
