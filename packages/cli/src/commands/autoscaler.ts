/** `flame autoscaler`: the control loop as a process of its own. Several may run; one leads. */
import { createAutoscaler } from '@flamejs/autoscaler';
import { Command } from 'commander';
import { pino } from 'pino';
import { loadApp } from '../load-app.ts';
import { untilStopped } from '../stop-signals.ts';

export const autoscalerCommand = (): Command =>
  new Command('autoscaler')
    .description('keep the number of runners of every pool where its policy wants it')
    .action(async (_options: object, command: Command) => {
      const config = await loadApp(command);
      const logger = pino({ name: 'flame-autoscaler', level: process.env.LOG_LEVEL ?? 'info' });
      const autoscaler = createAutoscaler(config, { logger });
      await autoscaler.start();
      const signal = await untilStopped();
      logger.info({ signal }, 'stopping');
      await autoscaler.stop();
    });
