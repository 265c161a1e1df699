import type { SabotageSwitch } from './switch.ts';

const PARKING = ['packages/protocol/test/parking.test.ts'];
const PICK_UP = ['packages/protocol/test/pick-up.test.ts'];
const RELEASE = ['packages/autoscaler/test/release.test.ts'];
const DEPLOYMENT = ['tests/closures/deployment.test.ts'];

export default [
  {
    name: 'a pick-up by a runner of another release counts',
    file: 'packages/protocol/src/lua/lib/parking.lua',
    find: "  count(jobKey, 'f:base')\n",
    replace: '',
    tests: ['R-35 a call of another release is met once'],
    in: PARKING,
  },
  {
    name: 'nobody takes what waits for its release',
    file: 'packages/protocol/src/lua/lib/parking.lua',
    find: "  for _ = 1, 100 do\n    local id = rc('ZPOPMIN'",
    replace: "  for _ = 1, 0 do\n    local id = rc('ZPOPMIN'",
    tests: ['R-35 a runner of its release takes it before everything else', 'R-35 a busy runner of its release'],
    in: PARKING,
  },
  {
    name: 'strict is not looked at',
    file: 'packages/protocol/src/attempt/decide-pick-up.ts',
    find: "const why = strict || envelope.opts.strict === true ? 'strict' : missing.get(envelope.fn);",
    replace: 'const why = missing.get(envelope.fn);',
    tests: ['R-35 a call of another release runs here unless'],
    in: PICK_UP,
  },
  {
    name: 'an older release takes the pool back at once',
    file: 'packages/autoscaler/src/plan/release.ts',
    find: 'firstAt > cameAt || isQuiet',
    replace: 'firstAt > 0 || isQuiet',
    tests: ['R-35 calls that wait for a newer release', 'R-35 whatever two releases'],
    in: RELEASE,
  },
  {
    name: 'an executor runs what it loaded before its file was edited',
    file: 'packages/runner/src/executor/inside/closures.ts',
    find: 'if (findClosure(functionName) === undefined && changedAt(file) !== before.changedAt)',
    replace: 'if (findClosure(functionName) === undefined && changedAt(file) < 0)',
    tests: ['in development a runner that has loaded a function'],
    in: DEPLOYMENT,
  },
] satisfies SabotageSwitch[];
