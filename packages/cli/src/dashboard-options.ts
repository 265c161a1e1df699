/** Options of the dashboard on the command line. Secrets come from the environment: arguments are seen by everybody. */
import type { Credential, DashboardOptions } from '@flamejs/dashboard';

export interface DashboardFlags {
  readonly host?: string;
  readonly port?: number;
  readonly basePath?: string;
  readonly allowedHost?: readonly string[];
  readonly trustProxy?: readonly string[];
}

/** Reads FLAME_DASHBOARD_TOKEN (operator) and FLAME_DASHBOARD_VIEWER_TOKEN beside the flags. */
export const dashboardOptions = (flags: DashboardFlags, env: NodeJS.ProcessEnv = process.env): DashboardOptions => {
  const credential: Credential[] = [];
  if (env.FLAME_DASHBOARD_TOKEN) credential.push({ token: env.FLAME_DASHBOARD_TOKEN, role: 'operator' });
  if (env.FLAME_DASHBOARD_VIEWER_TOKEN) credential.push({ token: env.FLAME_DASHBOARD_VIEWER_TOKEN, role: 'viewer' });
  return {
    ...(flags.host === undefined ? {} : { host: flags.host }),
    ...(flags.port === undefined ? {} : { port: flags.port }),
    ...(flags.basePath === undefined ? {} : { basePath: flags.basePath }),
    ...(flags.allowedHost === undefined ? {} : { allowedHosts: flags.allowedHost }),
    ...(flags.trustProxy === undefined ? {} : { trustProxy: flags.trustProxy }),
    ...(credential.length === 0 ? {} : { credential }),
  };
};
