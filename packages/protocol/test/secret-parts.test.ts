import { expect, test } from 'vitest';
import { holdsSecret, partsOfSecret } from '../src/secret-parts.ts';

const holds = (secret: string, text: string): boolean => holdsSecret(text, partsOfSecret(secret));

test.each([
  ['a key', 'canary-signing-7b21', 'sign with canary-signing-7b21'],
  ['a URL', 'redis://:p%40ssword@host:1', 'redis://:p%40ssword@host:1'],
  ['its password', 'redis://:p%40ssword@host:1', 'p@ssword'],
  ['its password as URLs write it, in another URL', 'redis://:p%40ssword@host:1', 'redis://:p%40ssword@other:2'],
  ['a password that stands in its query', 'rediss://host?password=opensesame', 'opensesame'],
  ['one key of a list', 'k1:canary-encryption-55d0, k2:another-key-of-it', 'another-key-of-it'],
  ['a key with signs that URLs do not have', 'p@ss/word of redis', encodeURIComponent('p@ss/word of redis')],
  ['a short one, alone', 'abc', 'abc'],
])('T-09: %s is recognised', (_, secret, text) => {
  expect(holds(secret, text)).toBe(true);
});

test.each([
  ['a URL without a password', 'redis://host:6379', 'redis://host:6379'],
  ['the host of one with a password', 'redis://:opensesame@host:6379', 'host:6379'],
  ['a text that has the letters of a short secret', 'abc', 'abcdef'],
  ['a number that stands behind a colon of a secret', 'canary:12', '12'],
  ['nothing', '', ''],
  ['what is not a URL at all', '%E0%A4%A', 'x'],
])('T-09: %s is none', (_, secret, text) => {
  expect(holds(secret, text)).toBe(false);
});
