/** Switches of what a caller does for its own calls: waits, bounds, upkeep, and how long it stays. */
import type { SabotageSwitch } from './switch.ts';

const at = (name: string): string => `packages/queue/src/client/${name}.ts`;
const tested = (name: string): string[] => [`packages/queue/test/client/${name}.test.ts`];

export default [
  {
    name: 'result() never stops waiting',
    file: at('await-outcome'),
    find: 'const timer = timeoutMs === undefined ? undefined :',
    replace: 'const timer = timeoutMs !== undefined ? undefined :',
    tests: ['C-07: a wait that ends'],
    in: tested('waits'),
  },
  {
    name: 'an outcome settles those whose call may still be refused',
    file: at('pending'),
    find: 'if (how.asking) entry.asking',
    replace: 'if (how.asking === null) entry.asking',
    tests: ['C-01: whoever still asks'],
    in: tested('settling'),
  },
  {
    name: 'the presence of a caller runs out',
    file: at('presence'),
    find: 'for (const name of pools.keys())',
    replace: 'for (const name of [] as string[])',
    tests: ['presence is said again'],
    in: tested('upkeep'),
  },
  {
    name: 'replies stay in their stream',
    file: at('reply-reader'),
    find: 'trim(entries.map(([id]) => id));',
    replace: 'void trim;',
    tests: ['replies that were read'],
    in: tested('upkeep'),
  },
  {
    name: 'every look comes as soon as the first',
    file: at('pending'),
    find: 'Math.min(entry.lookEveryMs * 2, SLOWEST_LOOK_MS)',
    replace: 'Math.min(entry.lookEveryMs, SLOWEST_LOOK_MS)',
    tests: ['looks at a call that goes on'],
    in: tested('upkeep'),
  },
  {
    name: 'every call wakes the autoscaler',
    file: at('kick'),
    find: 'if (wait <= 0) publish();',
    replace: 'if (wait <= 1_000) publish();',
    tests: ['many calls wake the autoscaler'],
    in: tested('upkeep'),
  },
  {
    name: 'the last progress is not looked for',
    file: at('progress'),
    find: 'await readKept().catch(() => undefined);',
    replace: '',
    tests: ['C-10: what is reported last'],
    in: tested('progress'),
  },
  {
    name: 'a signal holds every cast for ever',
    file: at('create-flame'),
    find: '.then(() => unlisten(signal, listener))',
    replace: '',
    tests: ['C-50: a signal lets go'],
    in: tested('held'),
  },
  {
    name: 'a large result that was read stays for its whole time',
    file: 'packages/protocol/src/lua/call-scripts.ts',
    find: 'left = math.min(left, grace)',
    replace: '',
    tests: ['C-54: a large result that its only waiter'],
    in: tested('kept'),
  },
  {
    name: 'runners read envelopes of every version',
    file: 'packages/protocol/src/envelope.ts',
    find: 'if (v !== ENVELOPE_VERSION)',
    replace: 'if (v === null)',
    tests: ['an envelope of another version'],
    in: ['packages/protocol/test/envelope.test.ts'],
  },
] satisfies SabotageSwitch[];
