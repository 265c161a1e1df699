/** `flame dashboard`: Bull Board and the pages for pools, runners and calls. */
import { createEnding } from '@flamejs/queue/internal';
import { Command } from 'commander';
import { createLogger } from '../create-logger.ts';
import { type DashboardFlags, dashboardOptions } from '../dashboard-options.ts';
import { loadApp } from '../load-app.ts';
import { say } from '../output/print.ts';
import { endSoon, untilStopped } from '../stop-signals.ts';
import { optionsOf } from '../with-operations.ts';
import { whole } from './calls-list.ts';

/** Its connections wait for nothing but Redis, which may be gone. */
const STOP_MS = 1_000;

export const dashboardCommand = (): Command =>
  new Command('dashboard')
    .option('--host <address>', 'address to listen on; others than loopback need FLAME_DASHBOARD_TOKEN', '127.0.0.1')
    .option('--port <number>', 'port, 0 for a free one (default: 3526)', whole(0, 65_535))
    .option('--base-path <path>', 'where it stands behind a proxy, such as /flame')
    .option('--allowed-host <name...>', 'names under which a proxy or container is reached')
    .option('--trust-proxy <address...>', 'proxies whose X-Forwarded-Host counts: addresses, networks, or loopback')
    .addHelpText(
      'after',
      `
Environment:
  FLAME_DASHBOARD_TOKEN         what operators present, as bearer token or as password with any user name
  FLAME_DASHBOARD_VIEWER_TOKEN  the same for those who may only look`,
    )
    .action(async (_options: object, command: Command) => {
      const [config, { createDashboard }, { tuner }] = await Promise.all([
        loadApp(command),
        import('@flamejs/dashboard'),
        import('@flamejs/autoscaler/tuning'),
      ]);
      const logger = await createLogger('flame-dashboard', 'warn');
      const options = dashboardOptions(optionsOf<DashboardFlags>(command));
      const dashboard = createDashboard(config, { ...options, tuner, logger });
      await dashboard.start();
      const ending = createEnding();
      ending.add('the dashboard was not closed', () => dashboard.stop());
      say(`dashboard of app ${config.app}: ${dashboard.url}`);
      await untilStopped();
      for (const undone of await ending.run(STOP_MS)) say(undone);
      endSoon();
    });
