/** Switches of values and errors: depth, tables, what an error says, and inline mode. */
import type { SabotageSwitch } from './switch.ts';

const CODEC = 'packages/protocol/src/codec';
const CODEC_TESTS = 'packages/protocol/test/codec';
const INLINE_TESTS = ['packages/queue/test/client/inline.test.ts'];

export default [
  {
    name: 'deep values need the stack of the caller',
    file: `${CODEC}/write-json.ts`,
    find: 'if (!isStackOverflow(error)) throw error;',
    replace: 'throw error;',
    tests: ['C-37: how deep a value may be'],
    in: [`${CODEC_TESTS}/limits.test.ts`],
  },
  {
    name: 'payloadLimit lets no more values travel',
    file: `${CODEC}/limits.ts`,
    find: 'Math.max(LEAST_MAX_VALUES, Math.floor(limit / BYTES_PER_VALUE))',
    replace: 'LEAST_MAX_VALUES',
    tests: ['C-71: a table of 250,000 rows'],
    in: [`${CODEC_TESTS}/limits.test.ts`],
  },
  {
    name: 'data above an empty prototype is refused',
    file: `${CODEC}/tags/table.ts`,
    find: 'foreignTag(prototype) ?? emptyPrototypeTag(prototype)',
    replace: 'foreignTag(prototype)',
    tests: ['C-72: data whose prototype'],
    in: [`${CODEC_TESTS}/round-trip.test.ts`],
  },
  {
    name: 'a message that is no own text is lost',
    file: `${CODEC}/tags/errors.ts`,
    find: "if (message !== '' || Object.hasOwn(value, 'message'))",
    replace: "if (Object.hasOwn(value, 'message'))",
    tests: ['C-30: an error whose message is a getter names'],
    in: [`${CODEC_TESTS}/thrown.test.ts`],
  },
  {
    name: 'the store in memory has no fence of attempts and generations',
    file: 'packages/protocol/src/store/memory/memory-store.ts',
    find: 'if (call === undefined || call.attempt !== verdict.attempt || call.generation !== verdict.generation)',
    replace: 'if (call === undefined)',
    tests: ['the fence: what an earlier attempt has come to'],
    in: ['packages/protocol/test/store.contract.test.ts'],
  },
  {
    name: 'inline mode goes on after close',
    file: 'packages/queue/src/client/inline-runner.ts',
    find: 'closed = true;',
    replace: '',
    tests: ['C-60: close stops what runs'],
    in: INLINE_TESTS,
  },
  {
    name: 'a missing right has no name',
    file: 'packages/protocol/src/connect.ts',
    find: '  nameMissingRights(client);',
    replace: '',
    tests: ['C-80: a command that is missed inside'],
    in: ['tests/redis/tls-and-acl.test.ts'],
  },
  {
    name: 'an option of ioredis that breaks calls is accepted',
    file: 'packages/queue/src/config/redis-options.ts',
    find: '    if (value === undefined) return [];',
    replace: '    return [];',
    tests: ['C-74: lazyConnect is refused'],
    in: ['packages/queue/test/redis-options.test.ts'],
  },
  {
    name: 'errors as JSON name files of the machine',
    file: 'packages/protocol/src/errors/base.ts',
    find: 'message: publicText(this.message) };',
    replace: 'message: this.message };',
    tests: ['A-05: an error as JSON has no stack lines'],
    in: ['packages/protocol/test/errors.test.ts'],
  },
] satisfies SabotageSwitch[];
