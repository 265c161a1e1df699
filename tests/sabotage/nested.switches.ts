/** Switches of the calls that functions make: loops, rights, what ends with its parent, replays. */
import type { SabotageSwitch } from './switch.ts';

const NESTED = ['packages/runner/test/nested.test.ts'];
const service = 'packages/queue/src/client/nested-service.ts';

export default [
  {
    name: 'calls may await each other as deep as they like',
    file: service,
    find: 'if (descent.depth > config.maxCallDepth)',
    replace: 'if (false)',
    tests: ['C-12: calls that await each other in a row are bounded'],
    in: NESTED,
  },
  {
    name: 'a function may ask for every call whose id it can compute',
    file: 'packages/queue/src/client/nested-rights.ts',
    find: 'all || own.has(id)',
    replace: 'true || own.has(id)',
    tests: ['T-07: a function that knows an id', 'T-07: handing an id on gives no right'],
    in: NESTED,
  },
  {
    name: 'an awaited child goes on when its parent is stopped or has ended',
    file: service,
    find: "const linked = options.link ?? (kind === 'call' && options.id === undefined);",
    replace: 'const linked = options.link ?? false;',
    tests: ['C-78: an awaited child ends', 'C-78: a child that nobody awaits'],
    in: NESTED,
  },
  {
    name: 'a signature is good for ever',
    file: 'packages/protocol/src/envelope.ts',
    find: 'if (now <= at + ttlMs) return undefined;',
    replace: 'return undefined;',
    tests: ['T-02: a copy of a signed call'],
    in: ['packages/runner/test/trust.test.ts'],
  },
] satisfies SabotageSwitch[];
