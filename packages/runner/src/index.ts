/** The runner: takes calls off the queue and executes them in processes that it can kill. */
export * from './executor/index.ts';
export { findModules } from './find-modules.ts';
export { type Executors, openExecutors } from './open-executors.ts';
export { createRunner } from './runner.ts';
export type { Runner, RunnerOptions } from './runner-options.ts';
export { tryModules } from './try-modules.ts';
