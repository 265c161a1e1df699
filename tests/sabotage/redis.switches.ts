import type { SabotageSwitch } from './switch.ts';

const TLS = ['tests/redis/tls-and-acl.test.ts'];
const PROTOCOL = ['packages/protocol/test/calls.test.ts'];
const STORAGE = ['tests/chaos/storage-faults.test.ts'];

export default [
  {
    name: 'a refused certificate is waited for like an outage',
    file: 'packages/protocol/src/refusal.ts',
    find: 'if (certificate !== undefined) {',
    replace: 'if (certificate === undefined && certificate !== undefined) {',
    tests: ['S-23 a server whose certificate nobody vouches for'],
    in: TLS,
  },
  {
    name: 'nobody hears the second error of a socket',
    file: 'packages/protocol/src/connect.ts',
    find: '  outliveStreamErrors(client);\n',
    replace: '  outliveStreamErrors;\n',
    tests: ['S-23 a connection that is closed in the middle of its handshake'],
    in: TLS,
  },
  {
    name: 'runners get the autoscaler’s user',
    file: 'packages/autoscaler/src/environment.ts',
    find: 'url === undefined || env.FLAME_REDIS_URL_FILE',
    replace: 'url === undefined',
    tests: ['S-06 S-23 caller, runner, autoscaler and dashboard'],
    in: TLS,
  },
  {
    name: 'what was not sent is refused at once',
    file: 'packages/queue/src/client/link.ts',
    find: 'if (!isUnsent(error) || performance.now() > until) throw error;',
    replace: 'if (!isUnsent(error) || performance.now() > 0) throw error;',
    tests: ['R-18 what was not sent'],
    in: ['packages/queue/test/client/link.test.ts'],
  },
  {
    name: 'a sweep looks at the first of what is finished alone',
    file: 'packages/protocol/src/housekeeping.ts',
    find: 'places = next;',
    replace: 'places = [0, 0];\n        break;',
    tests: ['R-43 a sweep finds what has run out'],
    in: PROTOCOL,
  },
  {
    name: 'a call that Redis refuses for want of memory may have been accepted',
    file: 'packages/queue/src/client/classify-refusal.ts',
    find: "if (message.startsWith('OOM ')) {",
    replace: "if (message.startsWith('OOM!')) {",
    tests: ['R-25 RO-07 half of the memory is taken away'],
    in: STORAGE,
  },
  {
    name: 'results of any size travel in the reply stream',
    file: 'packages/protocol/src/verdict.ts',
    find: 'export const INLINE_REPLY_BYTES = 16 * 1024;',
    replace: 'export const INLINE_REPLY_BYTES = 16 * 1024 * 1024;',
    tests: ['PS-09'],
    in: ['tests/chaos/large-data.test.ts'],
  },
] satisfies SabotageSwitch[];
