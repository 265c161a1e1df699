/** Switches of what an application is made of: its config, its modules, the names of its functions, its bundles. */
import type { SabotageSwitch } from './switch.ts';

export default [
  {
    name: 'tsx comes after the first TypeScript module has failed',
    file: 'packages/queue/src/config/load-config.ts',
    find: '  await prepareToLoad(file, dirname(file));\n',
    replace: '',
    tests: ['A-02: without a type, with imports without extension'],
    in: ['packages/queue/test/load-config.test.ts'],
  },
  {
    name: 'a module that cannot be loaded does not open the breaker at once',
    file: 'packages/autoscaler/src/plan/breaker.ts',
    find: 'if (breaker.open || at.definite === true || ',
    replace: 'if (breaker.open || ',
    tests: ['A-04: a module that throws is told to a waiting call'],
    in: ['tests/cli/broken-modules.test.ts'],
  },
  {
    name: 'a call that is made after a failed boot gets no try of its own',
    file: 'packages/protocol/src/expiry.ts',
    find: '(status.bootFailedAt ?? 0) >= since',
    replace: 'true',
    tests: ['A-04: a cast waits for a module that is repaired'],
    in: ['tests/cli/broken-modules.test.ts'],
  },
  {
    name: 'two functions of one name in two chunks are taken for one',
    file: 'packages/queue/src/same-function.ts',
    find: 'return essence(known.handler) === essence(again.handler);',
    replace: 'return true;',
    tests: ['C-13: two functions of one name are a conflict'],
    in: ['packages/queue/test/fn.test.ts'],
  },
  {
    name: 'a function in another chunk is a conflict when a minifier has named things anew',
    file: 'packages/queue/src/same-function.ts',
    find: 'const minified = !READABLE.test(text);',
    replace: 'const minified = false;',
    tests: ['A-25: a minifier that names things anew'],
    in: ['packages/queue/test/fn.test.ts'],
  },
] as const satisfies readonly SabotageSwitch[];
