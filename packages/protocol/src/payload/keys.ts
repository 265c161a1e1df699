/** The app's encryption keys: reading them, and a key of its own for each purpose, so that no key serves two. */
import { createHash, createSecretKey, hkdfSync } from 'node:crypto';
import type { ConfigProblem } from '../errors/input-errors.ts';
import { no, type Parsed, yes } from '../parsed.ts';
import type { EncryptionKey } from './types.ts';

const KEY_BYTES = 32;
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/;

const ID_RULE = 'expected an id of 1 to 40 letters, digits and "._-"';
const KEY_RULE = 'expected 32 random bytes, as base64 or hex text or as a Buffer: `openssl rand -base64 32` makes one';

/** A list of `{ id, key }` from the config. What it says of a wrong one never shows it. */
export const readKeyList = (
  value: unknown,
  path: string,
  problems: ConfigProblem[],
): readonly EncryptionKey[] | undefined => {
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || value.length === 0) {
    problems.push({
      path,
      message: 'expected a list of at least one key: [{ id, key }]; the first encrypts, all decrypt',
    });
    return undefined;
  }
  const keys: EncryptionKey[] = [];
  for (const [i, item] of value.entries()) {
    const { id, key } = (typeof item === 'object' && item !== null ? item : {}) as { id?: unknown; key?: unknown };
    const at = `${path}[${i}]`;
    const read = readKey(key);
    if (!read.ok) problems.push({ path: `${at}.key`, message: read.message });
    if (typeof id !== 'string' || !ID.test(id)) problems.push({ path: `${at}.id`, message: ID_RULE });
    else if (keys.some((known) => known.id === id))
      problems.push({ path: `${at}.id`, message: `"${id}" is there twice` });
    else if (read.ok) keys.push({ id, key: read.value });
  }
  return keys;
};

/** The form of FLAME_ENCRYPTION_KEYS: `id:key,id:key`. */
export const readKeyText = (
  text: string,
  path: string,
  problems: ConfigProblem[],
): readonly EncryptionKey[] | undefined => {
  const items = text.split(',').map((item) => {
    const colon = item.indexOf(':');
    return { id: item.slice(0, Math.max(0, colon)).trim(), key: item.slice(colon + 1).trim() };
  });
  return readKeyList(items, path, problems);
};

/** @returns the text for FLAME_ENCRYPTION_KEYS; it is a secret. */
export const keyText = (keys: readonly EncryptionKey[]): string =>
  keys.map(({ id, key }) => `${id}:${key.export().toString('base64')}`).join(',');

const readKey = (value: unknown): Parsed<EncryptionKey['key']> => {
  const bytes = typeof value === 'string' ? decodeKey(value) : value;
  return bytes instanceof Uint8Array && bytes.length === KEY_BYTES
    ? yes(createSecretKey(Buffer.from(bytes)))
    : no(KEY_RULE);
};

const decodeKey = (text: string): Uint8Array | undefined => {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  // Node skips what is no base64, and a text that was cut or mistyped would become another key.
  return /^[A-Za-z0-9+/_-]{43}=?$/.test(text) ? Buffer.from(text, 'base64') : undefined;
};

/** @returns a key for this purpose alone; who has it learns nothing of the app's key or of others made from it. */
export const deriveKey = ({ key }: EncryptionKey, purpose: string): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', key, EMPTY, createHash('sha256').update(purpose).digest(), KEY_BYTES));

const EMPTY = new Uint8Array(0);
