/** Switches of the spine: durations and values. Those of calls, runners and the autoscaler stand in files of their own. */
import type { SabotageSwitch } from './switch.ts';

export default [
  {
    name: 'a timeout longer than a timer can hold fires after 1 ms',
    file: 'packages/protocol/src/duration.ts',
    find: 'if (performance.now() < dueAt) arm();',
    replace: 'if (false) arm();',
    tests: ['R-31 a timeout beyond'],
    in: ['packages/protocol/test/duration.test.ts'],
  },
] satisfies SabotageSwitch[];
