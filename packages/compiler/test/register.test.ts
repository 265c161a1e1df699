import { afterEach, expect, test } from 'vitest';
import {
  type Application,
  binary,
  createApplication,
  EXPECTED_NAMES,
  RESULTS,
  reportOf,
  run,
  THUMBS,
} from './application.ts';
import { nodeBinaries } from './node-versions.ts';

const REGISTER = ['--import', '@flamejs/compiler/register'];
const applications: Application[] = [];
const application = (files: Readonly<Record<string, string>>): Application => {
  const created = createApplication(files);
  applications.push(created);
  return created;
};
afterEach(() => {
  for (const each of applications.splice(0)) each.remove();
});

const namesOf = (ids: readonly string[]) => ids.map((id) => id.replace(/@[\w-]{12}$/, ''));

test.each(nodeBinaries())(
  'on Node $version, TypeScript runs, closures get ids, stacks show the line of the source',
  async ({ binary }) => {
    const app = application(THUMBS);
    const alone = reportOf(await app.node([...REGISTER, 'src/main.ts'], { binary }));
    expect(alone.results).toEqual(RESULTS);
    expect(namesOf(alone.ids)).toEqual(EXPECTED_NAMES);
    expect(alone.stack).toContain(`${app.path('src/thumbs.ts')}:18:`);
    expect(alone.stack.split('\n')[0]).toBe('Error: boom');

    // The order of tsx and the compiler does not matter.
    for (const flags of [
      ['--import', 'tsx', ...REGISTER],
      [...REGISTER, '--import', 'tsx'],
    ]) {
      const beside = reportOf(await app.node([...flags, 'src/main.ts'], { binary }));
      expect(beside.results).toEqual(RESULTS);
      expect(beside.ids).toEqual(alone.ids);
      expect(beside.stack).toContain(`${app.path('src/thumbs.ts')}:18:`);
    }
  },
);

test.each(nodeBinaries())('on Node $version, TypeScript in CommonJS', async ({ binary }) => {
  const app = application({
    'package.json': '{}',
    'src/flame.ts': `${THUMBS['src/flame.ts'].replaceAll('export const', 'const')}\nexport = { flame, ids };`,
    'src/resize.cts': `export = { resize: (n: number): number => n * 2 };`,
    'src/main.ts': `import own = require('./flame');
import tools = require('./resize.cjs');
const { flame, ids } = own;
function twice(n: number) { return flame.call('x', () => tools.resize(n as number) + __filename.length * 0); }
Promise.resolve(twice(4)).then((result) => console.log(JSON.stringify({ results: [result], ids, stack: '' })));
`,
  });
  const report = reportOf(await app.node([...REGISTER, 'src/main.ts'], { binary }));
  expect(report.results).toEqual([8]);
  expect(namesOf(report.ids)).toEqual(['src/main.ts#twice/0']);
});

test.each(nodeBinaries())(
  'on Node $version, CommonJS may load an ES module with flame calls',
  async ({ version, binary }) => {
    // Node 20 does not run hooks for modules below one that is required, so there it takes an import().
    const load = version.startsWith('20.') ? 'import' : 'require';
    const app = application({
      ...THUMBS,
      'src/start.cjs': `async function main() {
  const { makeThumb } = await ${load}('./thumbs.ts');
  const { ids } = await ${load}('./flame.ts');
  console.log(JSON.stringify({ results: [await makeThumb('b', { size: 1 })], ids, stack: '' }));
}
main();`,
    });
    const report = reportOf(await app.node([...REGISTER, 'src/start.cjs'], { binary }));
    expect(report.results).toEqual(['b 2 cover']);
  },
);

test.each([
  ['nodenext', '{"type":"module"}', 'ES modules'],
  ['nodenext', '{}', 'CommonJS'],
])(
  'what tsc has compiled (%s, %s: %s) runs, with stacks that lead back to the TypeScript',
  async (module, manifest) => {
    const app = application({
      ...THUMBS,
      'package.json': manifest,
      'tsconfig.json': JSON.stringify({
        compilerOptions: {
          module,
          target: 'es2022',
          rootDir: 'src',
          outDir: 'dist',
          sourceMap: true,
          strict: true,
          types: ['node'],
          typeRoots: [],
          skipLibCheck: true,
        },
        include: ['src', 'env.d.ts'],
      }),
      'env.d.ts':
        'declare const console: { log(text: string): void }; declare function structuredClone<T>(value: T): T;',
    });
    const built = await run(binary('tsc'), ['-p', '.', '--types', ''], app.root);
    expect(built.stdout + built.stderr).toBe('');
    const report = reportOf(await app.node([...REGISTER, 'dist/main.js']));
    expect(report.results).toEqual(RESULTS);
    const compiled = EXPECTED_NAMES.map((name) => name.replace('src/thumbs.ts', 'dist/thumbs.js'));
    // In CommonJS an imported name is a property of the module.
    const imported = manifest === '{}' ? '=resize_js_1.crop' : '=crop';
    expect(namesOf(report.ids)).toEqual(compiled.map((name) => name.replace('=crop', imported)));
    expect(report.stack).toContain(`${app.path('src/thumbs.ts')}:18:`);
  },
);

test('without the compiler, the call is refused', async () => {
  const app = application(THUMBS);
  const outcome = await app.node(['--import', 'tsx', 'src/main.ts']);
  expect(outcome.exitCode).not.toBe(0);
  expect(outcome.stderr).toContain('NOT COMPILED');
});

test.each(['esm', 'cjs'])(
  'a capture that cannot be shipped stops loading, with the frame, before anything of the file runs (%s)',
  async (format) => {
    const app = application({
      'flame.cjs': 'exports.flame = {};',
      'bad.mjs': `import { flame } from './flame.cjs';\nconsole.log('RAN');\nexport function f() {\n  let n = 0;\n  flame.call('x', () => {\n    n++;\n  });\n}\n`,
      'bad.cjs': `const { flame } = require('./flame.cjs');\nconsole.log('RAN');\nexports.f = () => {\n  let n = 0;\n  flame.call('x', () => {\n    n++;\n  });\n};\n`,
    });
    const outcome = await app.node([...REGISTER, format === 'esm' ? 'bad.mjs' : 'bad.cjs']);
    expect(outcome.exitCode).toBe(1);
    expect(outcome.stdout).not.toContain('RAN');
    expect(outcome.stderr).toContain(':6:5 - error FLAME101: assignment to captured variable `n` would be lost');
    expect(outcome.stderr).toContain('> 6 |     n++;');
    expect(outcome.stderr).toContain('= help: return the new value');
  },
);

test.each(['mjs', 'cjs'])('warnings are printed once, with their code, and loading goes on (%s)', async (extension) => {
  const load =
    extension === 'mjs' ? `import { flame } from './flame.cjs';` : `const { flame } = require('./flame.cjs');`;
  const app = application({
    'flame.cjs': 'exports.flame = { call() {} };',
    [`list.${extension}`]: `${load}\nconst list = (a) => flame.call('x', () => { a.push(1); });\nlist([]);\nconsole.log('RAN');\n`,
  });
  const outcome = await app.node([...REGISTER, `list.${extension}`]);
  expect(outcome.stdout).toContain('RAN');
  expect(outcome.stderr.match(/warning FLAME203/g)).toHaveLength(1);
  expect(outcome.stderr).toContain(`list.${extension}:2:`);
  expect(outcome.stderr.match(/warning FLAME205/g)).toHaveLength(1);
});

test('decorators, using and class fields follow tsconfig', async () => {
  const app = application({
    ...THUMBS,
    'base.json':
      '{ "compilerOptions": { "experimentalDecorators": true, /* comment */ "useDefineForClassFields": false, }, }',
    'tsconfig.json': '{ "extends": "./base", "compilerOptions": { "jsx": "react", "jsxFactory": "h" } } // end',
    'src/view.tsx': `const h = (name: string, props: object | null, ...children: unknown[]) => [name, props, ...children]; export const view = <b a={1}>hi</b>;`,
    'src/main.ts': `import { flame } from './flame.ts';
import { view } from './view.tsx';
const log: unknown[] = [];
function mark(target: object, key: string) { log.push(key); }
class A { declare kept: number; @mark x: number = 1; y?: number; }
async function go(n: number) {
  using resource = { [Symbol.dispose ?? Symbol.for('Symbol.dispose')]() { log.push('disposed'); } };
  return flame.call('x', () => n);
}
go(1).then((n) => console.log(JSON.stringify({ results: [n, log, Object.keys(new A()), view], ids: [], stack: '' })));
`,
  });
  const report = reportOf(await app.node([...REGISTER, 'src/main.ts']));
  expect(report.results).toEqual([1, ['x', 'disposed'], ['x'], ['b', { a: 1 }, 'hi']]);
});

test('children of the process compile with the same root, wherever they start', async () => {
  const app = application({
    ...THUMBS,
    'tools/package.json': '{"type":"module"}',
    'tools/child.ts': `import { flame, ids } from '../src/flame.ts'; flame.call('x', () => 1); console.log(ids[0]);`,
    'src/main.ts': `import { fork } from 'node:child_process'; fork('tools/child.ts');`,
  });
  const outcome = await app.node([...REGISTER, 'src/main.ts']);
  expect(outcome.stdout).toMatch(/^tools\/child\.ts#module\/0@/);
});

test('files of a package that never mention flame are not touched, installed packages never', async () => {
  const source = `export const text = ((  ) =>  1).toString();`;
  const app = application({
    'plain.js': source,
    'node_modules/lib/package.json': '{"type":"module"}',
    'node_modules/lib/index.js': `import { flame } from './flame.js'; export const call = () => flame.call(() => 1);`,
    'node_modules/lib/flame.js': `export const flame = { call: (fn) => typeof fn };`,
    'main.js': `import { text } from './plain.js'; import { call } from 'lib'; console.log(text, call());`,
  });
  const outcome = await app.node([...REGISTER, 'main.js']);
  expect(outcome.stdout).toBe('(  ) =>  1 function\n');
});

test('a flame call outside the root is warned about and left as it is', async () => {
  const app = application({
    ...THUMBS,
    'app/package.json': '{"type":"module"}',
    'app/main.ts': `import { makeThumb } from '../src/thumbs.ts'; makeThumb('a', { size: 1 }).catch((error) => console.log(String(error)));`,
  });
  const outcome = await app.node([...REGISTER, 'app/main.ts']);
  expect(outcome.stdout).toContain('NOT COMPILED');
  expect(outcome.stderr).toContain('FLAME204');
});
