/** A runner tied to its process and its machine: signals, the parent, spot notices and the dead-man timer. */
import type { AppConfig } from '@flamejs/queue';
import { createNestedService } from '@flamejs/queue/nested-service';
import { bounded } from './bounded.ts';
import { linkMachine } from './machine-link.ts';
import { createRunner } from './runner.ts';
import type { Runner, RunnerOptions } from './runner-options.ts';
import { protectTask } from './task-protection.ts';
import { watchSignals } from './terminator.ts';

const CLOSE_MS = 1_000;

export interface MachineOptions extends Pick<RunnerOptions, 'pool' | 'runnerId' | 'platform' | 'executors' | 'logger'> {
  readonly env: Readonly<NodeJS.ProcessEnv>;
}

/**
 * @returns why the runner has ended.
 * @throws FlameConfigError, FlameBootError or a connection error when it could not start.
 */
export const serveMachine = async (config: AppConfig, { env, ...options }: MachineOptions): Promise<string> => {
  const { logger } = options;
  // Opened by the first call that a function makes; executors themselves have neither Redis' address nor the key.
  const nested = createNestedService(config, logger);
  const { ECS_AGENT_URI: agentUri } = env;
  const protection = options.platform && agentUri ? protectTask({ agentUri, logger }) : undefined;
  const runner = await createRunnerOf(config, {
    ...options,
    onLoad: protection?.note,
    managed: Boolean(env.FLAME_RUNNER_ID),
    nested,
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
    return await runner.ended;
  } finally {
    signals.stop();
    protection?.close();
    machine.close();
    await bounded(nested.close(), CLOSE_MS);
  }
};

/** BullMQ itself is loaded by the runners that serve a queue of it. */
const createRunnerOf = async (config: AppConfig, options: RunnerOptions): Promise<Runner> => {
  const { bullmq } = options.pool;
  if (bullmq === undefined) return createRunner(config, options);
  return (await import('./bullmq/bullmq-runner.ts')).createBullmqRunner(config, bullmq, options);
};
