import { FlameReleaseError, FlameUnknownFunctionError } from '@flamejs/protocol/errors/input-errors';
import { expect, test } from 'vitest';
import {
  bindClosure,
  type ClosureFactory,
  findClosure,
  isClosure,
  knownClosures,
  missingClosure,
  named,
  ref,
  reg,
} from '../src/closures.ts';

const A = 'aaaaaaaaaaaa';
const B = 'bbbbbbbbbbbb';
const double: ClosureFactory = (captures) => () => Number(captures.n) * 2;
const releases = { caller: 'r2', runner: 'r1' };

test('a registered function is found by its id and runs with captures that arrived', () => {
  reg('src/found.ts', [[`src/found.ts#f/0@${A}`, double, ['n'], 7]]);
  const entry = findClosure(`src/found.ts#f/0@${A}`);
  expect(entry).toMatchObject({ id: `src/found.ts#f/0@${A}`, module: 'src/found.ts', captureNames: ['n'], line: 7 });
  expect(entry && bindClosure(entry, { n: 21 })()).toBe(42);
  expect(knownClosures('src/found.ts')).toEqual([`src/found.ts#f/0@${A}`]);
  expect(knownClosures()).toContain(`src/found.ts#f/0@${A}`);
});

test('a function that was renamed, or moved down by one inserted above, is found by its hash', () => {
  reg('src/moved.ts', [
    [`src/moved.ts#g/0@${B}`, () => () => 'other', [], 1],
    [`src/moved.ts#g/1@${A}`, double, ['n'], 2],
  ]);
  expect(findClosure(`src/moved.ts#g/0@${A}`)?.id).toBe(`src/moved.ts#g/1@${A}`);
  expect(findClosure(`src/moved.ts#oldName/0@${A}`)?.id).toBe(`src/moved.ts#g/1@${A}`);
  // Never across modules: the same text may mean other imports there.
  expect(findClosure(`src/elsewhere.ts#g/0@${A}`)).toBeUndefined();
});

test('a changed body is refused, with both releases; an unknown function lists what there is', () => {
  reg('src/skew.ts', [[`src/skew.ts#run/0@${A}`, double, ['n'], 1]]);
  expect(findClosure(`src/skew.ts#run/0@${B}`)).toBeUndefined();
  const changed = missingClosure(`src/skew.ts#run/0@${B}`, releases);
  expect(changed).toBeInstanceOf(FlameReleaseError);
  expect(changed.message).toBe(
    `"src/skew.ts#run/0" changed: the caller (release r2) has ${B}, this runner (release r1) has ${A}`,
  );
  const unknown = missingClosure(`src/skew.ts#added/0@${B}`, releases);
  expect(unknown).toBeInstanceOf(FlameUnknownFunctionError);
  expect(unknown.message).toContain('"src/skew.ts" has no function "added/0" in release r1');
  expect(unknown.message).toContain('it has run/0');
  expect(missingClosure(`src/nowhere.ts#f/0@${B}`, releases).message).toContain('it has none');
});

test('loading a module again replaces its functions', () => {
  reg('src/again.ts', [[`src/again.ts#f/0@${A}`, double, ['n'], 1]]);
  reg('src/again.ts', [[`src/again.ts#f/0@${B}`, double, ['n'], 1]]);
  expect(findClosure(`src/again.ts#f/0@${A}`)).toBeUndefined();
  expect(knownClosures('src/again.ts')).toEqual([`src/again.ts#f/0@${B}`]);
});

test('a capture that did not arrive is refused, an own one named like a member of Object is not taken for one', () => {
  reg('src/captures.ts', [[`src/captures.ts#f/0@${A}`, double, ['toString', 'n'], 1]]);
  const entry = findClosure(`src/captures.ts#f/0@${A}`);
  if (entry === undefined) throw new Error('not registered');
  expect(() => bindClosure(entry, { n: 1 })).toThrow(/without its captured toString/);
  expect(bindClosure(entry, { n: 1, toString: 'x' })()).toBe(2);
});

test('S-09 names of members of Object are no functions', () => {
  for (const id of ['__proto__', 'constructor', 'toString', 'hasOwnProperty#x', '']) {
    expect(findClosure(id), id).toBeUndefined();
    expect(missingClosure(id, releases), id).toBeInstanceOf(FlameUnknownFunctionError);
  }
});

test('a reference carries id, factory and captures, and is recognised across copies of this file', () => {
  const closure = ref(`src/a.ts#f/0@${A}`, double, { n: 1 });
  expect(isClosure(closure)).toBe(true);
  expect(isClosure({ ...closure })).toBe(true);
  expect(isClosure({ id: closure.id, factory: double, captures: {} })).toBe(false);
  for (const other of [null, undefined, 1, 'x', () => 1, {}]) expect(isClosure(other)).toBe(false);
});

test('a plain function passed by name is wrapped; pools and functions of flame.fn pass through', () => {
  const plain = (n: number) => n + 1;
  const closure = named('src/a.ts#=plain', plain);
  if (!isClosure(closure)) throw new Error('not wrapped');
  expect(closure).toMatchObject({ id: 'src/a.ts#=plain', captures: {} });
  expect(closure.factory({})(...([1] as never[]))).toBe(2);
  const made = Object.assign(() => 1, { [Symbol.for('@flamejs/function')]: {} });
  expect(named('src/a.ts#=made', made)).toBe(made);
  const pool = { pool: 'images' };
  expect(named('src/a.ts#=pool', pool)).toBe(pool);
  reg('src/a.ts', [['src/a.ts#=plain', () => plain, null, 1]]);
  expect(findClosure('src/a.ts#=plain')?.captureNames).toEqual([]);
});
