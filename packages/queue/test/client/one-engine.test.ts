/** One engine: what holds for a call is written once, over both stores. Which of the two it is, is decided in one place. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const sources = ['protocol', 'queue', 'runner'].flatMap((name) =>
  readdirSync(`${root}packages/${name}/src`, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.ts$/.test(file) && !file.endsWith('embedded.ts'))
    .map((file) => ({
      path: `${name}/${file}`,
      // Comments and what people read may speak of it.
      code: readFileSync(`${root}packages/${name}/src/${file}`, 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, ''),
    })),
);
const filesWith = (text: RegExp): readonly string[] =>
  sources.flatMap(({ path, code }) => (text.test(code) ? [path] : [])).sort();

test('the mode is read where a flame object chooses what makes its calls, and nowhere else', () => {
  expect(filesWith(/\bmode\s*[!=]==?|FLAME_MODE/)).toEqual(
    [
      // An address that nobody connects to need not be safe.
      'queue/config/environment.ts',
      'queue/client/create-flame.ts',
      // Sets it for tests of applications.
      'queue/testing/inline.ts',
    ].sort(),
  );
});

test('nobody asks whether a call runs inline: its context says so for the function alone', () => {
  expect(filesWith(/\.isInline\b|\bisInline\s*[?=&|]/)).toEqual([]);
});

test('only inline mode itself, and the testing kit, know the store in memory and what stands around it', () => {
  const importing = (what: RegExp): readonly string[] => filesWith(new RegExp(`from '[^']*${what.source}`));
  const isOutside = (path: string): boolean => !/^queue\/client\/inline|^queue\/testing\//.test(path);
  expect(importing(/store\/memory\//).filter(isOutside)).toEqual([]);
  expect(importing(/\/inline-/).filter(isOutside)).toEqual([]);
});

test('what is decided about calls is decided where both stores see it', () => {
  // The decisions know of no store, and of no Redis.
  const deciding = sources.filter(({ path }) => path.startsWith('protocol/attempt/') || path === 'protocol/upkeep.ts');
  expect(deciding.length).toBeGreaterThan(8);
  for (const { path, code } of deciding)
    expect({ path, knows: /ioredis|\/connect\.ts|runScript/.test(code) }).toEqual({ path, knows: false });
  // And nobody else makes outcomes.
  expect(filesWith(/errorOutcome\s*=|valueOutcome\s*=|thrownOutcome\s*=/)).toEqual(['protocol/attempt/outcome-of.ts']);
});

test('inline mode loads no client of Redis', () => {
  const seen = new Set<string>();
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    const code = sources.find((each) => each.path === path)?.code ?? '';
    for (const [, from = ''] of code.matchAll(/^(?:import|export) (?!type)[^;]*?from '([^']+)'/gm)) {
      if (from.startsWith('.')) visit(new URL(from, `file:///${path}`).pathname.slice(1));
      else if (from.startsWith('@flamejs/protocol/')) {
        const name = `protocol/${from.slice('@flamejs/protocol/'.length)}`;
        visit(sources.some((each) => each.path === `${name}.ts`) ? `${name}.ts` : `${name}/index.ts`);
      } else seen.add(from);
    }
  };
  visit('queue/client/inline.ts');
  expect(seen.size).toBeGreaterThan(50);
  expect([...seen].filter((name) => /^(ioredis|bullmq)/.test(name))).toEqual([]);
});
