/** Which Redis commands the scripts of each part of an app name: also those of paths that no test run takes by itself. */
import { createRequire } from 'node:module';
import { composeScript } from '@flamejs/protocol/bullmq-scripts';
import { CALL_SCRIPTS } from '@flamejs/protocol/lua/call-scripts';
import { LUA } from '@flamejs/protocol/lua/embedded';
import { GRAFTS } from '@flamejs/protocol/lua/grafts';
import { RUNNER_SCRIPTS } from '@flamejs/protocol/lua/runner-scripts';
import { SCHEDULE_SCRIPTS } from '@flamejs/protocol/lua/schedule-scripts';

export type Role = 'caller' | 'runner' | 'autoscaler' | 'dashboard';

const require = createRequire(new URL('../../packages/protocol/package.json', import.meta.url));
const bull = require('bullmq/dist/cjs/scripts/index.js') as Readonly<Record<string, { readonly content: string }>>;

const ASKING = ['flameInspect', 'flameLookup', 'flameSettleWaiting'];
const CALLER = ['accept', ...ASKING, 'flameDelivered', 'moveStalledJobsToWait', 'reprocessJob'];

const SCRIPTS: Readonly<Record<Role, readonly string[]>> = {
  caller: [...CALLER, 'flameSchedule', 'flameUnschedule'],
  runner: [
    ...CALLER, // for calls from inside of functions
    ...['take', 'settle', 'withdraw', 'sweep-limits', 'flameRenew', ...Object.keys(RUNNER_SCRIPTS)],
  ],
  autoscaler: [
    ...['accept', ...ASKING, 'moveStalledJobsToWait', 'promote', 'removeJob'],
    ...['sweep-limits', 'flameReleaseRunner', 'flameStale', 'flameDueSchedules', 'flameAdvance'],
  ],
  dashboard: [
    ...[...ASKING, 'reprocessJob', 'removeJob', 'pause', 'promote', 'cleanJobsInSet', 'getCounts', 'getRanges'],
    ...['getState', 'getStateV2', 'isFinished'],
  ],
};

/** @param known every command that the server has, in lower case */
export const commandsOfScripts = (role: Role, known: ReadonlySet<string>): ReadonlySet<string> =>
  new Set(SCRIPTS[role].flatMap((name) => [...commandsIn(textOf(name), known)]));

const textOf = (name: string): string => {
  if (name in LUA) return LUA[name as keyof typeof LUA];
  const own = { ...CALL_SCRIPTS, ...RUNNER_SCRIPTS, ...SCHEDULE_SCRIPTS } as Readonly<
    Record<string, { readonly content: string }>
  >;
  const script = own[name] ?? (name in GRAFTS ? composeScript(name) : bull[name]);
  if (script === undefined) throw new Error(`there is no script ${name}`);
  return script.content;
};

/** Words in capitals are commands also where they stand in a variable first: `local push = cond and 'LPUSH' or 'RPUSH'`. */
const commandsIn = (lua: string, known: ReadonlySet<string>): readonly string[] =>
  [...lua.matchAll(/["']([A-Z]+)["']|call\(\s*["']([a-z]+)["']/g)]
    .map((match) => (match[1] ?? match[2] ?? '').toLowerCase())
    .filter((word) => known.has(word));
