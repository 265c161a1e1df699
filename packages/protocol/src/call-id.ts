/** Call ids: `<pool>.<26 base32 characters>`, or `<pool>.u<hash>` for a user's own id. So an id says where to look. */
import { createHash, randomFillSync } from 'node:crypto';
import { FlameConfigError } from './errors/index.ts';

const ALPHABET = Buffer.from('abcdefghijklmnopqrstuvwxyz234567');
/** 130 random bits. */
const CHARACTERS = 26;

/** Characters of ids that nobody has yet. A draw from the system costs more than the rest of an id, so there is one for many. */
const drawn = Buffer.alloc(256 * CHARACTERS);
let used = drawn.length;

const draw = (): void => {
  randomFillSync(drawn);
  for (let i = 0; i < drawn.length; i += 1) drawn[i] = ALPHABET[(drawn[i] ?? 0) & 31] ?? 0;
  used = 0;
};

/** @returns the id of a new call, which nobody can guess */
export const newCallId = (pool: string): string => {
  if (used === drawn.length) draw();
  const from = used;
  used += CHARACTERS;
  return `${pool}.${drawn.toString('latin1', from, used)}`;
};

/** The id of a user's own id in a pool; the hash keeps control characters and key syntax out of Redis' names. */
export const userCallId = (pool: string, id: string): string =>
  `${pool}.u${createHash('sha256').update(id).digest('hex').slice(0, 40)}`;

const PATTERN = /^([a-z][a-z0-9-]*)\.(?:[a-z2-7]{26}|u[0-9a-f]{40})$/;

/** @returns the pool of a call id. @throws FlameConfigError when it is not a call id. */
export const poolOfCallId = (callId: string): string => {
  const pool = PATTERN.exec(callId)?.[1];
  if (pool === undefined) {
    const message = `"${callId.slice(0, 80)}" is not a call id: expected <pool>.<id> as a handle's \`id\` gives it`;
    throw new FlameConfigError(message, { problems: [{ path: 'id', message }] });
  }
  return pool;
};
