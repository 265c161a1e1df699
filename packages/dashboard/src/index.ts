/** The dashboard: Bull Board, and pages for pools, runners and calls. */
export { createDashboard, type Dashboard } from './dashboard.ts';
export { type Credential, type DashboardOptions, DEFAULT_PORT, type Role } from './options.ts';
