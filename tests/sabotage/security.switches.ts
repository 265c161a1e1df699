/** Switches of what is sealed, hidden and left out. */
import type { SabotageSwitch } from './switch.ts';

const queue = 'packages/queue/src';
const protocol = 'packages/protocol/src';
const sealed = ['tests/security/sealed-calls.test.ts'];
const masking = ['tests/security/masking.test.ts'];
const unit = ['packages/queue/test/payload.test.ts'];

export default [
  {
    name: 'sealed bytes open for any call',
    file: `${protocol}/payload/encrypt.ts`,
    find: "part === undefined ? ['payload', app, callId] :",
    replace: "part === undefined ? ['payload', app, callId.length] :",
    tests: ['what is sealed opens for the same app, call and kind'],
    in: unit,
  },
  {
    name: 'open bytes are accepted by an app that encrypts',
    file: `${protocol}/payload/vault.ts`,
    find: 'if (strict)\n',
    replace: 'if (strict && bytes.length === -1)\n',
    tests: ['open bytes are refused once an app encrypts'],
    in: unit,
  },
  {
    name: 'what is inflated has no bound',
    file: `${protocol}/payload/compress.ts`,
    find: 'maxOutputLength: limit }',
    replace: 'maxOutputLength: limit + 2 ** 30 }',
    tests: ['S-11 S-18 a compressed bomb'],
    in: unit,
  },
  {
    name: 'a secret is shown to an inspector',
    file: `${protocol}/secret.ts`,
    find: '[inspect.custom](): string {\n    return SHOWN;',
    replace: '[inspect.custom](): string {\n    return JSON.stringify(this.#reveal());',
    tests: ['S-08 a secret prints as [secret]'],
    in: ['packages/queue/test/secret.test.ts'],
  },
  {
    name: 'messages of errors stand in the open beside sealed ones',
    file: 'packages/protocol/src/attempt/seal-outcome.ts',
    find: "const hidden = vault.hides && head.message !== ''",
    replace: "const hidden = vault.hides && head.message === ''",
    tests: ['S-08 an app that encrypts leaves no argument'],
    in: sealed,
  },
  {
    name: 'the message of an error that is tried again stands in the open',
    file: 'packages/protocol/src/attempt/to-verdict.ts',
    find: 'vault.hides ? HIDDEN : plan.message',
    replace: 'plan.message',
    tests: ['S-08 an app that encrypts leaves no argument'],
    in: sealed,
  },
  {
    name: 'progress is not sealed',
    file: `${protocol}/payload/note.ts`,
    find: 'vault.seals ? vault.seal(',
    replace: "vault.seals && about.kind === 'ready' ? vault.seal(",
    tests: ['S-08 an app that encrypts leaves no argument'],
    in: sealed,
  },
  {
    name: 'errors of Redis carry the whole command',
    file: `${protocol}/quiet-errors.ts`,
    find: 'if (command !== undefined) Object.assign',
    replace: "if (command?.name === '') Object.assign",
    tests: ['S-07 the password of Redis'],
    in: masking,
  },
  {
    name: 'Bull Board shows messages as they are',
    file: 'packages/dashboard/src/board/pool-adapter.ts',
    find: 'failedReason: redactText(failedReason)',
    replace: 'failedReason',
    tests: ['S-08 credentials by their names'],
    in: masking,
  },
  {
    name: 'output is stored as it is printed',
    file: 'packages/runner/src/call-log.ts',
    find: 'const line = redactText(',
    replace: 'const line = String(',
    tests: ['S-08 credentials by their names'],
    in: masking,
  },
  {
    name: 'the signature leaves out the scope of secrets',
    file: `${protocol}/envelope.ts`,
    find: 'const { sig: _, ...signed } = envelope;',
    replace: 'const { sig: _, scope: __, ...signed } = envelope;',
    tests: ['S-10 no field of a signed call'],
    in: ['tests/security/trust.test.ts'],
  },
  {
    name: 'progress is kept without bound',
    file: `${queue}/client/progress.ts`,
    find: 'if (values.length > BUFFER) values.shift();',
    replace: '',
    tests: ['S-18 an endless stream of progress'],
    in: ['tests/security/hostile-results.test.ts'],
  },
] satisfies SabotageSwitch[];
