/** For tests of applications: judge a run of calls under faults by what was seen and done, not by what was said. */
export { type CheckOptions, check, NEVER, type RunLogs, type Verdict } from './checker.ts';
export { type Commit, type Effect, effectLine, type Fault, type LedgerEntry, parseEffects } from './logs.ts';
