/** Switches of what the fault and model tests found or hold: repeated commands, doubt, dead links, one outcome. */
import type { SabotageSwitch } from './switch.ts';

const TWICE = ['packages/protocol/test/sent-twice.test.ts'];
const RACE = ['packages/queue/test/client/pending-race.test.ts'];
const ORACLE = ['packages/queue/test/testing/checker.test.ts'];
const NETWORK = ['tests/chaos/network-faults.test.ts'];

export default [
  {
    name: 'a hand-back that is sent again charges its budget again',
    file: 'packages/protocol/src/lua/settle.lua',
    find: 'or f[3] == ats or (f[4] and not f[17]) then',
    replace: 'or (f[4] and not f[17]) then',
    tests: ['R-20 sent twice after a broken connection, "hand back at the cost'],
    in: TWICE,
  },
  {
    name: 'a runner renews what it has finished',
    file: 'packages/protocol/src/lua/call-scripts.ts',
    find: "mine = redis.call('LPOS', queue .. 'active', id) ~= false",
    replace: 'mine = true',
    tests: ['R-20 a call that has ended is not renewed'],
    in: ['packages/protocol/test/calls.test.ts'],
  },
  {
    name: 'a later outcome overwrites the first of its generation',
    file: 'packages/protocol/src/lua/settle.lua',
    find: 'or f[3] == ats or (f[4] and not f[17]) then',
    replace: 'or f[3] == ats then',
    tests: ['R-20 sent twice after a broken connection, "finish"'],
    in: TWICE,
  },
  {
    name: 'an outcome of an earlier generation settles a promise',
    file: 'packages/queue/src/client/pending.ts',
    find: 'if (entry === undefined || outcome.generation < entry.generation) return false;',
    replace: 'if (entry === undefined) return false;',
    tests: ['P10 AW-06 a call settles once'],
    in: RACE,
  },
  {
    name: 'a settled call stays in the table',
    file: 'packages/queue/src/client/pending.ts',
    find: 'if (entry.asking.length === 0) drop(entry);\n',
    replace: 'if (entry.asking.length === 0) return settlers;\n',
    tests: ['P10 AW-06 a call settles once'],
    in: RACE,
  },
  {
    name: 'the oracle takes any fault as a reason to run anything again',
    file: 'packages/queue/src/testing/checker.ts',
    find: 'return touched && over',
    replace: 'return over',
    tests: ['a re-run after a fault of its own process', 'late renewals explain'],
    in: ORACLE,
  },
  {
    name: 'a dead link is waited for without end',
    file: 'packages/protocol/src/connect.ts',
    find: 'socketTimeout: 15_000,',
    replace: '',
    tests: ['R-19 AW-03 a half-open link of a caller'],
    in: NETWORK,
  },
  {
    name: 'two pick-ups of one call are one',
    file: 'packages/protocol/src/lua/settle.lua',
    find: 'if f[1] ~= ats or',
    replace: 'if',
    tests: ['R-16 one process that has picked a call up twice'],
    in: ['packages/protocol/test/calls.test.ts'],
  },
  {
    name: 'a call whose job ended without an outcome is waited for',
    file: 'packages/protocol/src/lua/call-scripts.ts',
    find: 'if not gen or f[2] then return',
    replace: 'if not gen then return',
    tests: ['R-23 a call whose job ended', 'P05 a call whose outcome has expired'],
    in: ['packages/protocol/test/calls.test.ts'],
  },
  {
    name: 'any number of stalled calls is taken back at once',
    file: 'packages/protocol/src/lua/grafts.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of the source
    find: 'if (#stalled < ${MOST_STALLED} and ',
    replace: 'if (',
    tests: ['RO-13 thousands of calls'],
    in: ['packages/protocol/test/calls.test.ts'],
  },
  {
    name: 'close() leaves a timer behind',
    file: 'packages/queue/src/client/link.ts',
    find: 'if (closed) return;',
    replace: '',
    tests: ['SD-18 after close()'],
    in: ['tests/conformance/complaints.test.ts'],
  },
  {
    name: 'a connection that has ended is ended again',
    file: 'packages/protocol/src/connect.ts',
    find: "if (client?.status !== 'end') client?.disconnect();",
    replace: 'client?.disconnect();',
    tests: ['SD-18 after stop() of an autoscaler'],
    in: ['tests/conformance/complaints.test.ts'],
  },
  {
    name: 'a page of calls reads all of them',
    file: 'packages/dashboard/src/operations/call-list.ts',
    find: 'at, at + count - 1] as const),',
    replace: 'at, -1] as const),',
    tests: ['R-44 pages over'],
    in: ['packages/dashboard/test/many-calls.test.ts'],
  },
] satisfies SabotageSwitch[];
