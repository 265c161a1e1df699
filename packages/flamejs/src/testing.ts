/** For tests of applications: spies, time and faults of inline mode, a real fleet, and checks of runs under faults. */
export * from '@flamejs/queue/testing';
export { type StartFlameOptions, startFlame, type TestFleet } from './start-flame.ts';
