/** Switches of limits: places, tokens, turns, numbers, deadlocks. */
import type { SabotageSwitch } from './switch.ts';

const GATE = 'packages/protocol/src/lua/lib/gate.lua';
const LIMITS = ['packages/protocol/test/limits.test.ts'];

export default [
  {
    name: 'a limit holds nobody',
    file: GATE,
    find: "if redis.call('ZCARD', places) >= most then return name end",
    replace: '',
    tests: ['L-01: no more calls begin than the limit allows'],
    in: LIMITS,
  },
  {
    name: 'a call made later overtakes one that is held',
    file: GATE,
    find: 'if first and string.sub(first, MEMBER_PREFIX + 1) ~= id then return name end',
    replace: '',
    tests: ['L-02: nor does it overtake'],
    in: LIMITS,
  },
  {
    name: 'an end gives no place up',
    file: 'packages/protocol/src/lua/settle.lua',
    find: '  finished = finished or ok\n  gate.release(queue, base, names, id, jobKey)',
    replace: '  finished = finished or ok',
    tests: ['L-01: no more calls begin than the limit allows'],
    in: LIMITS,
  },
  {
    name: 'a rest keeps its place',
    file: 'packages/protocol/src/lua/settle.lua',
    find: "if kind == 'park' or more.delay then gate.release(queue, base, names, id, jobKey) end",
    replace: '',
    tests: ['L-03: a lost runner and a hand-back keep it'],
    in: LIMITS,
  },
  {
    name: 'what has begun is removed',
    file: 'packages/protocol/src/lua/grafts.ts',
    find: 'if gate.hasBegun(base, limits, id) then return 0 end',
    replace: '',
    tests: ['L-03: what has begun is not removed'],
    in: LIMITS,
  },
  {
    name: 'no beginning takes a token',
    file: GATE,
    find: 'if mark > 0 and rates[name] then tokens.take(base, name, rates[name], id) end',
    replace: '',
    tests: ['L-13: a burst of as many calls'],
    in: ['packages/protocol/test/rates.test.ts'],
  },
  {
    name: 'what awaits its own line waits',
    file: 'packages/protocol/src/descent.ts',
    find: '.find((name) => line.has(name));',
    replace: ".find((name) => name === '' && line.has(name));",
    tests: ['L-08: to await what the own line holds'],
    in: ['packages/queue/test/client/inline-limits.test.ts'],
  },
  {
    name: 'the number of a key does not win',
    file: GATE,
    find: 'tonumber(n[1] or n[2] or n[3]',
    replace: 'tonumber(n[2] or n[3]',
    tests: ['L-15: a number that was set wins'],
    in: ['packages/protocol/test/limit-settings.test.ts'],
  },
] satisfies readonly SabotageSwitch[];
