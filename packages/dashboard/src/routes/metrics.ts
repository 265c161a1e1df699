/** What Prometheus scrapes: the same as an autoscaler with FLAME_METRICS_PORT answers. */
import { renderMetrics } from '@flamejs/protocol';
import type { Link } from '../operations/link.ts';

export const metricsOf = ({ client, config }: Link): Promise<string> =>
  renderMetrics({ client, prefix: config.prefix, app: config.app, pools: Object.keys(config.pools) });
