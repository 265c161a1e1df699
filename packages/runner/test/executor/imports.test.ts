/** T-01: a call names a module; what the application has not listed is refused before anything of it runs. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileFile } from '@flamejs/compiler';
import { packPayload } from '@flamejs/queue/internal';
import { afterAll, expect, test } from 'vitest';
import { errorFrom, testPool } from './support.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'flame-imports-test-')));
symlinkSync(join(dirname(fileURLToPath(import.meta.url)), '../../../../node_modules'), join(root, 'node_modules'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const write = (name: string, text: string): string => {
  const file = join(root, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
};
write('package.json', '{ "name": "imports", "type": "module" }');
write(
  'src/flame.mjs',
  `import { createFlame, defineConfig } from '@flamejs/queue';
   export const flame = createFlame(defineConfig({ app: 'imports', pools: { main: {} } }));`,
);
const ran = join(root, 'ran');
/** A module with a closure, whose top level leaves a trace. */
const closures = (name: string): string =>
  write(
    name,
    `import { appendFileSync } from 'node:fs';
     import { flame } from './flame.mjs';
     appendFileSync(${JSON.stringify(ran)}, ${JSON.stringify(name)});
     export const make = () => flame.call(flame.pool('main'), async () => 'made');`,
  );
const listed = closures('src/listed.mjs');
closures('src/server.mjs');
symlinkSync(join(root, 'src/server.mjs'), join(root, 'src/alias.mjs'));

const idIn = (file: string): string => {
  const { functions } = compileFile(join(root, file), root);
  return functions[0]?.id ?? '';
};

test.each(['process', 'thread'] as const)(
  'T-01: a module that is not among `functions` is refused before its top level runs (%s)',
  async (isolation) => {
    rmSync(ran, { force: true });
    const pool = testPool({ isolation, modules: [join(root, 'src/flame.mjs')], functions: ['src/flame.mjs'], root });
    // Its true id, one with a wrong hash, and the same file by another name.
    for (const id of [
      idIn('src/server.mjs'),
      'src/server.mjs#make/0@AAAAAAAAAAAA',
      'src/alias.mjs#make/0@AAAAAAAAAAAA',
    ]) {
      const { error, retryable } = await errorFrom(pool.call(id, [], { args: packPayload({ json: '[]', parts: [] }) }));
      expect([error.name, retryable]).toEqual(['FlameUnknownFunctionError', false]);
    }
    expect(existsSync(ran)).toBe(false);
  },
);

test.each(['process', 'thread'] as const)(
  'T-01: one that is among them runs, and is loaded once (%s)',
  async (isolation) => {
    rmSync(ran, { force: true });
    const pool = testPool({ isolation, modules: [listed], functions: ['src/listed.mjs'], root });
    const id = idIn('src/listed.mjs');
    await pool.call(id).result;
    expect(readFileSync(ran, 'utf8')).toBe('src/listed.mjs');
  },
);

test('T-01: one that came after the runner has started is found when a pattern of `functions` covers it, and only then', async () => {
  rmSync(ran, { force: true });
  const pool = testPool({ modules: [listed], functions: ['src/l*.mjs'], root });
  await pool.start();
  closures('src/later.mjs');
  closures('src/other.mjs');
  rmSync(ran, { force: true });
  const later = await pool.call(idIn('src/later.mjs')).result;
  expect(later.kind).toBe('returned');
  const { error } = await errorFrom(pool.call(idIn('src/other.mjs')));
  expect(error.message).toContain('src/other.mjs is not among `functions`');
  expect(readFileSync(ran, 'utf8')).toBe('src/later.mjs');
});
