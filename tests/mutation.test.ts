/** What `npm run mutation` does itself: changes of Lua, and the score of what was noticed. */
import { expect, test } from 'vitest';

interface Mutant {
  readonly line: number;
  readonly at: number;
  readonly find: string;
  readonly replace: string;
}
const load = (name: string) => import(new URL(`../scripts/mutation/${name}.mjs`, import.meta.url).href);
const { luaMutants, applied } = (await load('lua-mutants')) as {
  luaMutants(text: string, how: { isModule: boolean }): readonly Mutant[];
  applied(text: string, mutant: Mutant): string;
};
const { scoreOf } = (await load('score')) as {
  scoreOf(
    name: string,
    mutants: readonly object[],
  ): Record<'total' | 'killed' | 'explained', number> & {
    survivors: readonly object[];
  };
};

const changesOf = (text: string, isModule = false): readonly string[] =>
  luaMutants(text, { isModule }).map((mutant) => {
    expect(text.slice(mutant.at).startsWith(mutant.find)).toBe(true);
    return applied(text, mutant);
  });

test('a comparison is turned, a condition weakened, a constant another', () => {
  expect(changesOf('while a <= b do')).toEqual(['while a < b do']);
  expect(changesOf('while a ~= b do')).toEqual(['while a == b do']);
  expect(changesOf('if not a and b then')).toEqual(['if not a or b then', 'if a and b then']);
  expect(changesOf('local x = 1')).toEqual(['local x = 2']);
  // Off by one is nothing for a time: it becomes next to none.
  expect(changesOf('local x = 3600000')).toEqual(['local x = 1']);
  expect(changesOf("local x = a == '1'")).toEqual(["local x = a ~= '1'", "local x = a == '0'"]);
});

test('a statement on a line of its own is dropped; a declaration, or part of a longer one, is not', () => {
  expect(changesOf("  rc('DEL', key)")).toEqual(['  ']);
  expect(changesOf('x = y')).toEqual(['']);
  expect(changesOf('if a then return b end')).toEqual(['']);
  for (const kept of ['local x = y', 'for i = a, b do', "rc('SET', key,", 'x = y or', 'end', 'local function f()']) {
    expect(changesOf(kept).filter((text) => text.trim() === '')).toEqual([]);
  }
});

test('texts, comments, indices and names stay as they are', () => {
  expect(changesOf("local x = 'a == b and 5' -- not 7")).toEqual([]);
  expect(changesOf('local x = ARGV[3] .. f2 .. 0x1000')).toEqual([]);
});

test('in a module only what stands in its templates is Lua', () => {
  const module = 'const one = 1;\nexport const LUA = `\nlocal a = 1\n`;\nconst two = 2;';
  expect(changesOf(module, true)).toEqual([module.replace('a = 1', 'a = 2')]);
});

test('a score counts what was killed, and names what nobody noticed', () => {
  const mutant = (noticed: boolean) => ({ file: 'a.ts', line: 1, find: 'x', replace: 'y', noticed });
  expect(scoreOf('area', [mutant(true), mutant(false), mutant(true)])).toEqual({
    name: 'area',
    total: 3,
    killed: 2,
    explained: 0,
    survivors: [mutant(false)],
  });
});
