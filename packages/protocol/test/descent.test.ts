/** Where a call comes from: what is kept of the line, and when it counts as one that comes back to itself. */
import { expect, test } from 'vitest';
import { comesBack, descend, MOST_ABOVE, MOST_FUNCTIONS, MOST_GIVEN, tooDeep, tooOften } from '../src/descent.ts';

const made = (kind: 'call' | 'cast' = 'call', given: readonly string[] = []) => ({ kind, functionName: 'g', given });
const top = { callId: 'p.1', functionName: 'f', descent: undefined };

test('the first child names its maker; a row of calls that await each other grows, a cast begins a new one', () => {
  const child = descend(top, made('call', ['p.9']));
  expect(child).toEqual({ root: 'p.1', above: ['p.1'], fns: ['f'], depth: 2, given: ['p.9'] });
  const again = descend({ callId: 'p.2', functionName: 'f', descent: child }, made());
  expect(again).toEqual({ root: 'p.1', above: ['p.1', 'p.2'], fns: ['f'], depth: 3, given: [] });
  expect(descend({ callId: 'p.3', functionName: 'h', descent: again }, made('cast'))).toMatchObject({
    root: 'p.1',
    fns: ['f', 'h'],
    depth: 1,
  });
});

test('of a long line the nearest are kept, and of what is given the first', () => {
  let line = descend(top, made());
  for (let i = 2; i <= 40; i += 1) line = descend({ callId: `p.${i}`, functionName: `f${i}`, descent: line }, made());
  expect(line.above).toHaveLength(MOST_ABOVE);
  expect(line.above.at(-1)).toBe('p.40');
  expect(line.fns).toHaveLength(MOST_FUNCTIONS);
  expect(line.fns.at(-1)).toBe('f40');
  const many = Array.from({ length: MOST_GIVEN + 1 }, (_, i) => `p.${i}`);
  expect(descend(top, made('call', many)).given).toEqual(many.slice(0, MOST_GIVEN));
});

test('a function that stands in its own line comes back, and so does every one in a line of too many', () => {
  const line = descend(top, made());
  expect(comesBack(line, 'f')).toBe(true);
  expect(comesBack(line, 'g')).toBe(false);
  const fns = Array.from({ length: MOST_FUNCTIONS }, (_, i) => `f${i}`);
  expect(comesBack({ ...line, fns }, 'g')).toBe(true);
  expect(comesBack({ ...line, fns: fns.slice(1) }, 'g')).toBe(false);
});

test('what is refused names the line and the limit', () => {
  const line = { ...descend(top, made()), fns: ['f', 'h'] };
  expect(tooDeep(line, 'g', 16)).toMatchObject({ reason: 'depth', line: ['f', 'h'] });
  expect(tooDeep(line, 'g', 16).message).toContain('"g" is not called by "f" > "h", in the line of call p.1: 16 calls');
  expect(tooOften(line, 'g', 50)).toMatchObject({ reason: 'rate', line: ['f', 'h'] });
  expect(tooOften(line, 'g', 50).message).toContain('50 times within a second');
});
