/** The preset for Jest: what tests import of flamejs, as CommonJS. Jest itself is installed and run in the nightly tests. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { startNode } from './support/processes.ts';
import { tier } from './support/tier.ts';
import { settles } from './support/wait-for.ts';

const flamejs = fileURLToPath(new URL('../packages/flamejs/', import.meta.url));
const require = createRequire(import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'flame-jest-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const write = (name: string, text: string): void => {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), text);
};

const PRESET = require(join(flamejs, 'jest/jest-preset.cjs')) as {
  setupFiles: string[];
  moduleNameMapper: Record<string, string>;
};
const APP = `
  const flame = createFlame(defineConfig({ app: 'jest', pools: { main: { backend: local() } } }));
  const add = flame.fn('add', (a, b) => a + b);
  const run = async (expect) => {
    expect(await flame.call(add, 1, 2)).toBe(3);
    expect(calls(add).length).toBe(1);
    const later = flame.call(add.with({ delay: '1h' }), 1, 1);
    await clock.advance('1h');
    expect(await later).toBe(2);
    expect((await flame.call(add, () => 1).catch((error) => error)) instanceof FlameError).toBe(true);
  };
`;
const PARTS = [
  ['{ createFlame, defineConfig, FlameError }', 'flamejs'],
  ['{ local }', 'flamejs/local'],
  ['{ calls, clock }', 'flamejs/testing'],
] as const;
const required = PARTS.map(([names, from]) => `const ${names} = require('${from}');`).join('\n');
const imported = PARTS.map(([names, from]) => `import ${names} from '${from}';`).join('\n');

test('every entry has the names of the one that it stands for', async () => {
  for (const name of ['index', 'errors', 'local', 'docker', 'ec2', 'fly', 'policies', 'payload', 'testing']) {
    const theirs = Object.keys(await import(join(flamejs, `dist/${name}.js`))).sort();
    // As `import` of CommonJS sees them, without running it.
    const ours = Object.keys(await import(join(flamejs, `dist/jest/${name}.cjs`)))
      .filter((each) => each !== 'default' && each !== 'module.exports')
      .sort();
    expect(ours, name).toEqual(theirs);
  }
});

test('required as the preset maps them, calls run inline and the kit sees them', async () => {
  const [setup = ''] = PRESET.setupFiles;
  const mapped = (name: string): string => {
    const found = Object.entries(PRESET.moduleNameMapper).find(([pattern]) => new RegExp(pattern).test(name));
    return name.replace(new RegExp(found?.[0] ?? '^$'), found?.[1] ?? '');
  };
  const text = required.replace(/require\('(.+?)'\)/g, (_, name: string) => `require('${mapped(name)}')`);
  const assert =
    'const expect = (is) => ({ toBe: (what) => { if (is !== what) throw new Error([is, what].join()); } });';
  write('plain.cjs', `require('${setup}');\n${text}\n${APP}\n${assert}\nrun(expect).then(() => console.log('fine'));`);
  await using program = await startNode(join(folder, 'plain.cjs'), { cwd: folder });
  await settles(program.exited, { what: 'the program', timeoutMs: 60_000 });
  expect(program.output()).toBe('fine\n');
});

test.runIf(tier === 'nightly')('Jest runs tests in CommonJS and in ES modules with one line of configuration', () => {
  write('package.json', '{"name":"jest-app"}');
  const shell = (args: readonly string[], cwd: string): string =>
    execFileSync(process.execPath, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  execFileSync('npm', ['install', 'jest@30.5.2', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'ignore' });
  symlinkSync(flamejs, join(folder, 'node_modules/flamejs'));
  const jest = join(folder, 'node_modules/jest/bin/jest.js');
  write('cjs/package.json', '{"type":"commonjs"}');
  write('cjs/jest.config.js', "module.exports = { preset: 'flamejs/jest' };");
  write('cjs/app.test.js', `${required}\n${APP}\ntest('a call', () => run(expect));`);
  shell([jest], join(folder, 'cjs'));
  write('esm/package.json', '{"type":"module"}');
  write('esm/jest.config.js', "export default { preset: 'flamejs/jest' };");
  write(
    'esm/app.test.js',
    `import { expect, test } from '@jest/globals';\n${imported}\n${APP}\ntest('a call', () => run(expect));`,
  );
  shell(['--experimental-vm-modules', jest], join(folder, 'esm'));
});
