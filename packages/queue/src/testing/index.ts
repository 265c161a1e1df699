/**
 * For tests of applications: what calls they made, time and faults in inline mode, and a judge of runs under faults that goes by
 * what was seen and done, not by what was said.
 */
export { type CheckOptions, check, NEVER, type RunLogs, type Verdict } from './checker.ts';
export * from './kit/index.ts';
export { type Commit, type Effect, effectLine, type Fault, type LedgerEntry, parseEffects } from './logs.ts';
