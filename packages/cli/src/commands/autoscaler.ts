/** `flame autoscaler`: the control loop as a process of its own. Several may run; one leads. */
import { Command } from 'commander';
import { createLogger } from '../create-logger.ts';
import { loadApp } from '../load-app.ts';
import { endSoon, untilStopped } from '../stop-signals.ts';

export const autoscalerCommand = (): Command =>
  new Command('autoscaler')
    .option('--push', 'tell platforms that do not ask (external({ ecs })) their number')
    .action(async ({ push = false }: { push?: boolean }, command: Command) => {
      const [config, { createAutoscaler }] = await Promise.all([loadApp(command), import('@flamejs/autoscaler')]);
      const logger = await createLogger('flame-autoscaler', 'info');
      const autoscaler = createAutoscaler(config, { logger, push });
      await autoscaler.start();
      const signal = await untilStopped();
      logger.info({ signal }, 'stopping');
      // What could not be done has been logged.
      await autoscaler.stop();
      endSoon();
    });
