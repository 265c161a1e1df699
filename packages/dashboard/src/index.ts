/** The dashboard: Bull Board, and pages for pools, runners and calls. */
export { createDashboard, type Dashboard } from './dashboard.ts';
export { createDashboardHandler, type DashboardHandler, type DashboardHandlerOptions } from './handler.ts';
export { type Authenticate, type Credential, type DashboardOptions, DEFAULT_PORT, type Role } from './options.ts';
