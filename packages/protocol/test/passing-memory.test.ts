/** Memory that is used again for what passes through. */
import { expect, test } from 'vitest';
import { borrowMemory, giveMemoryBack, PASSING_BYTES, poisonReturnedMemory } from '../src/passing-memory.ts';

test('memory that was given back is lent again, once', () => {
  const first = borrowMemory(PASSING_BYTES + 1);
  giveMemoryBack(first.subarray(10, 20));
  giveMemoryBack(first);
  const [second, third] = [borrowMemory(PASSING_BYTES + 2), borrowMemory(PASSING_BYTES + 2)];
  expect(second.buffer).toBe(first.buffer);
  expect(third.buffer).not.toBe(first.buffer);
  expect([second.length, third.length]).toEqual([PASSING_BYTES + 2, PASSING_BYTES + 2]);
});

test('what was not borrowed stays its owner’s', () => {
  const own = Buffer.alloc(PASSING_BYTES, 7);
  giveMemoryBack(own);
  giveMemoryBack(undefined);
  expect(borrowMemory(PASSING_BYTES).buffer).not.toBe(own.buffer);
});

test('no more is kept than 32 MB', () => {
  const all = Array.from({ length: 6 }, () => borrowMemory(8 * 1024 * 1024));
  for (const bytes of all) giveMemoryBack(bytes);
  const known = new Set(all.map(({ buffer }) => buffer));
  const again = Array.from({ length: 6 }, () => borrowMemory(8 * 1024 * 1024));
  expect(again.filter(({ buffer }) => known.has(buffer)).length).toBeLessThanOrEqual(4);
});

test('poisoned, what is given back is overwritten at once', () => {
  poisonReturnedMemory();
  const bytes = borrowMemory(PASSING_BYTES).fill(1);
  giveMemoryBack(bytes);
  expect(bytes.every((byte) => byte === 0xdb)).toBe(true);
});
