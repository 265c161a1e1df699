/** Switches of pools that a platform scales: each takes one guard away. */
import type { SabotageSwitch } from './switch.ts';

const POOL = ['packages/autoscaler/test/platform/pool.test.ts'];
const RUNNER = ['packages/runner/test/platform.test.ts'];

export default [
  {
    name: 'a platform is told more than max',
    file: 'packages/autoscaler/src/platform/number.ts',
    find: 'return Math.min(max, Math.max(min, wanted));',
    replace: 'return Math.max(min, wanted);',
    tests: ['EX-05'],
    in: POOL,
  },
  {
    name: 'a platform is told less than what is busy',
    file: 'packages/autoscaler/src/platform/number.ts',
    find: 'Math.max(target.wanted, floor, held, ',
    replace: 'Math.max(target.wanted, floor, ',
    tests: ['EX-01'],
    in: POOL,
  },
  {
    name: 'a new leader tells a platform to end what it has not seen yet',
    file: 'packages/autoscaler/src/platform/number.ts',
    find: 'Number.isFinite(target.floor) ? target.floor : known',
    replace: 'Number.isFinite(target.floor) ? target.floor : 0',
    tests: ['EX-01'],
    in: POOL,
  },
  {
    name: 'an old decision is answered as if it were new',
    file: 'packages/protocol/src/platform-decision.ts',
    find: 'if (ageMs > DECISION_MS)',
    replace: 'if (ageMs > Number.POSITIVE_INFINITY)',
    tests: ['EX-02'],
    in: POOL,
  },
  {
    name: 'what is parked is never taken back',
    file: 'packages/autoscaler/src/platform/parking.ts',
    find: '    .filter(isParked)',
    replace: '    .filter(() => false)',
    tests: ['EX-03'],
    in: POOL,
  },
  {
    name: 'a runner of a platform ends when it is drained',
    file: 'packages/runner/src/drain.ts',
    find: 'if (parks && own === undefined) parked = true;',
    replace: 'if (parks && own === null) parked = true;',
    tests: ['EX-07'],
    in: RUNNER,
  },
  {
    name: 'a runner of a platform ends when its autoscaler is silent',
    file: 'packages/runner/src/runner.ts',
    find: '(platform === undefined ? { onSilent: endForSilence } : pauseForSilence(loop, logger))',
    replace: '{ onSilent: endForSilence }',
    tests: ['EX-08'],
    in: RUNNER,
  },
] satisfies SabotageSwitch[];
