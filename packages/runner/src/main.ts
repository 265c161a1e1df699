/**
 * The runner as a process: who it is stands in its environment. It ends with code 0 when it was told to, with 1 when it
 * could not start; its end ends the machine.
 */
import { randomBytes } from 'node:crypto';
import { loadConfig } from '@flamejs/queue/internal';
import { createNestedService } from '@flamejs/queue/protocol';
import { pino } from 'pino';
import { bounded } from './bounded.ts';
import { endMachine } from './end-machine.ts';
import { linkMachine } from './machine-link.ts';
import { createRunner } from './runner.ts';
import { watchSignals } from './terminator.ts';

const { env } = process;
const CLOSE_MS = 1_000;

const run = async (): Promise<number> => {
  const runnerId = env.FLAME_RUNNER_ID || `by-hand-${randomBytes(6).toString('hex')}`;
  const logger = pino({ level: env.FLAME_LOG_LEVEL || 'info', base: { runnerId, pid: process.pid } });
  try {
    const config = await loadConfig();
    const poolName = env.FLAME_POOL || onlyPool(Object.keys(config.pools));
    // Opened by the first call that a function makes; executors themselves have neither Redis' address nor the key.
    const nested = createNestedService(config, logger);
    const runner = createRunner(config, {
      pool: poolName,
      runnerId,
      logger,
      managed: Boolean(env.FLAME_RUNNER_ID),
      onNestedCall: nested.answer,
      onContact: () => machine.contact(),
    });
    const machine = linkMachine({
      env,
      logger,
      actions: {
        stop: (reason) => void runner.stop(reason),
        retire: (reason) => runner.retire(reason),
        cutShort: () => runner.cutShort(),
      },
    });
    const signals = watchSignals(
      (reason) => void runner.stop(reason),
      () => runner.cutShort(),
    );
    try {
      await runner.start();
      const reason = await runner.ended;
      logger.info({ reason }, 'runner ended');
      return 0;
    } finally {
      signals.stop();
      machine.close();
      await bounded(nested.close(), CLOSE_MS);
    }
  } catch (error) {
    logger.fatal({ err: error }, 'the runner could not start');
    return 1;
  } finally {
    endMachine(env.FLAME_END_MACHINE, logger);
  }
};

const onlyPool = (names: readonly string[]): string => {
  const [first] = names;
  if (first !== undefined && names.length === 1) return first;
  throw new Error(
    `the config has several pools (${names.join(', ')}): set FLAME_POOL to the one that this runner serves`,
  );
};

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
