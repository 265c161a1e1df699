/** S-08: credentials by their names, in text and in fields. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { processorTime } from '../../../tests/support/processor-time.ts';
import { isSecretName, redactText } from '../src/redact-text.ts';

const canary = 'hunter2-canary';

test.each([
  `password=${canary}`,
  `DB_PASSWORD: ${canary}, next: 1`,
  `{"password":"${canary} with spaces","user":"ada"}`,
  `{ apiKey: '${canary}', user: 'ada' }`,
  `"{\\"token\\":\\"${canary}\\",\\"user\\":\\"ada\\"}"`,
  `Authorization: Bearer ${canary}`,
  `curl -H "authorization: Basic ${canary}=="`,
  `Cookie: sid=${canary}; other=${canary}`,
  `set-cookie: session=${canary}; Path=/`,
  `redis://user:${canary}@host:6379/1 refused`,
  `https://ada:${canary}@example.com/a?b=c`,
  `client_secret=${canary}&grant=x`,
  `x-api-key: ${canary}`,
  `AWS_SECRET_ACCESS_KEY=${canary}`,
  `jwt ${canary} is one, jwt=${canary}`.replace(`jwt ${canary}`, 'jwt'),
])('S-08 a credential is left out of: %s', (text) => {
  const shown = redactText(text);
  expect(shown).not.toContain(canary);
  expect(shown).toContain('[redacted]');
});

test.each([
  'an ordinary line',
  'used max_tokens: 512, tokens=17',
  'error: the token expired',
  'the secret: [secret]',
  'https://example.com/a@b',
  'mail ada@example.com: sent',
  '',
])('what is no credential stays as it is: %s', (text) => {
  expect(redactText(text)).toBe(text);
});

test('names of fields tell what is secret, and counts are not', () => {
  for (const name of [
    'password',
    'dbPassword',
    'API_KEY',
    'apiKey',
    'Authorization',
    'set-cookie',
    'accessToken',
    'private_key',
    'clientSecret',
    'sessionId',
    'passphrase',
  ]) {
    expect(isSecretName(name, 'x'), name).toBe(true);
  }
  expect(isSecretName('maxTokens', 512)).toBe(false);
  expect(isSecretName('tokens', ['a'])).toBe(true);
  for (const name of ['user', 'passenger', 'keyboard', 'author', 'path'])
    expect(isSecretName(name, 'x'), name).toBe(false);
});

test('S-18 lines that are made to be slow to search are not', () => {
  const hostile = [
    'password'.repeat(1_000),
    `//${':'.repeat(8_000)}`,
    'token '.repeat(1_300),
    '"password":"\\'.repeat(600),
    `cookie${' '.repeat(8_000)}`,
    'passwd=\\"'.repeat(800),
  ];
  const used = processorTime();
  for (const line of hostile) redactText(line.slice(0, 8_192));
  expect(used()).toBeLessThan(2_500);
});

/** What each pattern has to look at again and again, if it looks at anything more than a bounded number of times. */
const FEARED = [
  '://',
  '//',
  '//a:',
  '//:',
  '//user:x',
  '@',
  'cookie',
  'cookie:',
  'cookie=  ',
  'bearer ',
  'basic\t',
  'bearer        ',
  'password',
  'password ',
  'password=',
  'password="',
  'password="\\',
  'password=\\"',
  "password='",
  'password.',
  'token-count',
  'jwt:  ',
  '\\',
  '"',
  ' ',
  'a',
];
const LENGTH = 100_000;
/** Far more than a linear pass takes on a slow machine, and far less than a quadratic one takes on a fast one. */
const LONG_MS = 2_500;

const takes = (text: string): number => {
  const used = processorTime();
  redactText(text);
  return used();
};
const filled = (atoms: readonly string[]): string => {
  const unit = atoms.join('');
  return unit.repeat(Math.ceil(LENGTH / unit.length)).slice(0, LENGTH);
};

test.each(FEARED)('T-04: redaction of a long text of %j takes time by its length', (atom) => {
  expect(takes(filled([atom]))).toBeLessThan(LONG_MS);
  // One sign at the end decides whether all of it was in vain.
  for (const end of ['@', '=x']) expect(takes(filled([atom]) + end)).toBeLessThan(LONG_MS);
});

test('T-04: so does that of every mixture of them', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...FEARED), { minLength: 2, maxLength: 5 }), (atoms) => {
      expect(takes(filled(atoms))).toBeLessThan(LONG_MS);
    }),
    { numRuns: 15 },
  );
});

test('T-04: the shapes that are feared are still redacted', () => {
  for (const atom of FEARED) {
    const text = `${atom.repeat(50)} and redis://user:${canary}@host`;
    expect([atom, redactText(text).includes(canary)]).toEqual([atom, false]);
  }
});
