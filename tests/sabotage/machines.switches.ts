/** Switches of how machines come to an end, and of who may judge them: each takes one guard away. */
import type { SabotageSwitch } from './switch.ts';

const src = 'packages/autoscaler/src';
const test = (name: string): string[] => [`packages/autoscaler/test/${name}.test.ts`];

export default [
  {
    name: 'the folder of local runners is counted on, although another backend has tidied it up',
    file: `${src}/backends/local/registry.ts`,
    find: "if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];",
    replace: '',
    tests: ['A-01: two pools that each name local()'],
    in: test('ending'),
  },
  {
    name: 'a start that failed goes on renewing its lease',
    file: `${src}/life.ts`,
    find: '    await takeDown(WITHOUT_REDIS_MS);\n    throw error;',
    replace: '    throw error;',
    tests: ['C-15'],
    in: test('ending'),
  },
  {
    name: 'without Redis nobody ends the local runners',
    file: `${src}/shut-down.ts`,
    find: 'for (const backend of options.drain === false ? [] : backends) {',
    replace: 'for (const backend of [] as Backend[]) {',
    tests: ['C-79: a runner that does not end by itself'],
    in: test('ending'),
  },
  {
    name: 'a runner is let go although it has just had a call that no tick saw',
    file: `${src}/plan/scale-down.ts`,
    find: 'const due = idleMs >= input.idleShutdownAfterMs;',
    replace:
      'const due = idleMs >= input.idleShutdownAfterMs || (chosen.length < longSurplus && isSeasoned(runner, input));',
    tests: ['A-06'],
    in: test('idle'),
  },
  {
    name: 'what an instance said of its end stays with its backend',
    file: `${src}/record/case.ts`,
    find: "return end === undefined ? 'its machine is gone' : describeEnd(end);",
    replace: "return end === undefined || describeEnd(end) !== '' ? 'its machine is gone' : '';",
    tests: ['C-33: a runner that is killed is an event in words'],
    in: test('ends'),
  },
  {
    name: 'a young machine that a list lacks is taken for gone',
    file: `${src}/record/case.ts`,
    find: 'seen.steadyMs >= timing.steadyMs && graceOver && !answers',
    replace: 'seen.steadyMs >= timing.steadyMs && !answers',
    tests: ['C-53: what its provider has agreed to end'],
    in: test('advance'),
  },
  {
    name: 'a controller counts the time that it slept through as silence of others',
    file: `${src}/observe/watch.ts`,
    find: 'const watched = unbroken ? Math.min(elapsed, longestStepMs) : null;',
    replace: 'const watched = unbroken ? elapsed : null;',
    tests: ['C-70: of a sleep that is shorter than a gap'],
    in: test('watch'),
  },
  {
    name: 'the autoscaler ends waiting without looking at what it knows of the pool',
    file: 'packages/protocol/src/upkeep.ts',
    find: 'status: await status() };',
    replace: 'status: (await status()) && undefined };',
    tests: ['C-34: a cast that the autoscaler ends'],
    in: ['tests/conformance/given-up.test.ts'],
  },
] satisfies SabotageSwitch[];
