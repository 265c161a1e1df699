/** `register` beside other loaders: it takes what has flame calls, and what nobody else reads. */
import { afterEach, expect, test } from 'vitest';
import { type Application, binary, createApplication, FLAME, type Outcome, run } from './application.ts';
import { nodeBinaries } from './node-versions.ts';

const REGISTER = ['--import', '@flamejs/compiler/register'];
const TSX = ['--import', 'tsx'];
const applications: Application[] = [];
const application = (files: Readonly<Record<string, string>>): Application => {
  const created = createApplication(files);
  applications.push(created);
  return created;
};
afterEach(() => {
  for (const each of applications.splice(0)) each.remove();
});

const ways: readonly (readonly string[])[] = [REGISTER, [...TSX, ...REGISTER], [...REGISTER, ...TSX]];
const printed = ({ stdout, stderr }: Outcome): string => (stdout === '' ? stderr : stdout.trim());

/** Runs `main.ts` alone, under tsx, and beneath it. */
async function everyWay(
  files: Readonly<Record<string, string>>,
  entry: string,
  args: readonly string[] = [],
): Promise<readonly string[]> {
  const app = application(files);
  const outcomes: string[] = [];
  for (const flags of ways) outcomes.push(printed(await app.node([...flags, entry, ...args])));
  return outcomes;
}
const thrice = (text: string) => [text, text, text];

const DECORATED = `const log: string[] = [];
function logged(value: any, context: { name: string | symbol; kind: string }): any { log.push(context.kind + ' ' + String(context.name)); return undefined; }
@logged class A { @logged accessor x: number = 1; @logged method(): number { return this.x; } }
`;

test.each(nodeBinaries())(
  'K-10: on Node $version, standard decorators run in a file without flame calls',
  async ({ binary }) => {
    const app = application({ 'src/main.ts': `${DECORATED}console.log(log.join(), new A().method());` });
    for (const flags of ways)
      expect(printed(await app.node([...flags, 'src/main.ts'], { binary })), flags.join(' ')).toBe(
        'accessor x,method method,class A 1',
      );
  },
);

test('K-10: and in one with flame calls', async () => {
  const main = `import { flame, ids } from './flame.ts'; ${DECORATED}const n = 1; (async () => { const k = 2; console.log(log.length, await flame.call('x', async () => k + new A().method()), ids[0].split('@')[0]); })();`;
  expect(await everyWay({ 'src/flame.ts': FLAME, 'src/main.ts': main }, 'src/main.ts')).toEqual(
    thrice('3 3 src/main.ts#module/0'),
  );
});

test('K-10: a file without flame calls is left to the loader underneath, and an error in it has its line', async () => {
  const app = application({
    'src/main.ts': `// one\nenum E { A = 'a' }\nnamespace N { export const b = 'b'; }\nnamespace N { export const c = b; }\nconsole.log(E.A, N.c);\nthrow new Error('thrown');`,
  });
  const beside = await app.node([...TSX, ...REGISTER, 'src/main.ts']);
  // Only tsx knows what the blocks of a namespace share.
  expect(beside.stdout).toBe('a b\n');
  expect(beside.stderr).toContain(`${app.path('src/main.ts')}:6:7`);
});

test.each(['commonjs', 'module'])(
  'K-10: tsx may come after the compiler, in files that are loaded as %s',
  async (type) => {
    const files = {
      'package.json': JSON.stringify({ type }),
      'src/flame.ts': FLAME,
      'src/main.ts': `import { flame, ids } from './flame';\nconst go = (k: number) => flame.call('x', async () => k + 1);\ngo(1).then((n) => console.log(n, ids[0]!.split('@')[0]));`,
    };
    expect(await everyWay(files, 'src/main.ts')).toEqual(thrice('2 src/main.ts#go/0'));
  },
);

test('K-11: what tsx loads as CommonJS is CommonJS, with `import` and `__dirname` both', async () => {
  const main = (calls: string) =>
    `import path from 'node:path';\nimport { flame, ids } from './flame';\nexport const go = (k: string) => ${calls};\ngo('a').then((n: string) => console.log(n, path.basename(__dirname), typeof require, typeof exports));`;
  for (const calls of [
    `flame.call('x', async () => path.basename(k + '/b'))`,
    `Promise.resolve(path.basename(k + '/b'))`,
  ]) {
    const app = application({ 'package.json': '{}', 'src/flame.ts': FLAME, 'src/main.ts': main(calls) });
    for (const flags of ways.slice(1))
      expect(printed(await app.node([...flags, 'src/main.ts'])), calls).toBe('b src function object');
  }
});

test('K-11: `.cts` may say `import`', async () => {
  const files = {
    'src/flame.cts': FLAME,
    'src/main.cts': `import path = require('node:path');\nimport { flame } from './flame.cjs';\nexport const go = (k: string) => flame.call('x', async () => path.basename(k));\ngo('a/b').then((n: string) => console.log(n, path.basename(__filename)));`,
    'src/plain.cts': `import { basename } from 'node:path';\nimport { n } from './more.cjs';\nconsole.log(basename(__filename), n);`,
    'src/more.cts': `export const n: number = 1; export default n;`,
  };
  expect(await everyWay(files, 'src/main.cts')).toEqual(thrice('b main.cts'));
  expect(await everyWay(files, 'src/plain.cts')).toEqual(thrice('plain.cts 1'));
});

test('K-11: without another loader, a file that says `import` is an ES module, as it is for Node', async () => {
  const app = application({
    'package.json': '{}',
    'src/main.ts': `import path from 'node:path'; console.log(typeof require, path.sep);`,
  });
  expect(printed(await app.node([...REGISTER, 'src/main.ts']))).toBe('undefined /');
});

test.each(['with space', '50% (ä)#[b]'])('K-12: CommonJS in a folder named `%s`', async (folder) => {
  const files = {
    'package.json': '{}',
    [`${folder}/flame.ts`]: `${FLAME.replaceAll('export const', 'const')}\nexport = { flame, ids };`,
    [`${folder}/tools/index.ts`]: `export = { twice: (n: number): number => n * 2 };`,
    [`${folder}/main.ts`]: `import own = require('./flame.js');\nimport tools = require('./tools');\nconst go = (n: number) => own.flame.call('x', () => tools.twice(n));\nPromise.resolve(go(2)).then((n) => console.log(n));`,
  };
  expect(await everyWay(files, `./${folder}/main.ts`)).toEqual(thrice('4'));
});

test('K-12: and ES modules there', async () => {
  for (const folder of ['50% (a)[b]']) {
    const files = {
      [`${folder}/flame.ts`]: FLAME,
      [`${folder}/tools/index.ts`]: `export const twice = (n: number): number => n * 2;`,
      [`${folder}/main.ts`]: `import { flame, ids } from './flame.js';\nimport { twice } from './tools';\nconst go = async (n: number) => flame.call('x', () => twice(n));\ngo(2).then((n) => console.log(n, ids.length));`,
    };
    expect(await everyWay(files, `./${folder}/main.ts`)).toEqual(thrice('4 1'));
  }
});

test.each([
  ['commonjs', 'es2016', '{}'],
  ['esnext', 'es2016', '{"type":"module"}'],
  ['commonjs', 'es2022', '{}'],
])(
  'K-09: what tsc writes as %s for %s runs, with functions inline, in methods and by name',
  async (module, target, manifest) => {
    const app = application({
      'package.json': manifest,
      'src/flame.ts': FLAME,
      'src/jobs.ts': `import { flame } from './flame.js';
const images = 'images';
export const job = async (n: number): Promise<number> => n + 1;
export async function declared(n: number): Promise<number> { return n * 2; }
export class Jobs {
  async inline(k: number): Promise<number> { return flame.call(images, async (n: number) => (await job(n)) + k, 1); }
  expression(k: number): Promise<number> { return flame.call(images, async function () { await null; return k; }); }
}
export const byName = (n: number): Promise<number[]> => Promise.all([flame.call(images, job, n), flame.call(images, declared, n)]);
`,
      'src/main.ts': `import { byName, Jobs } from './jobs.js';
const main = async (): Promise<void> => console.log(JSON.stringify([await new Jobs().inline(2), await new Jobs().expression(3), await byName(4)]));
main();
`,
      'env.d.ts':
        'declare const console: { log(text: string): void }; declare function structuredClone<T>(value: T): T;',
      'tsconfig.json': JSON.stringify({
        compilerOptions: {
          module,
          target,
          lib: ['es2022'],
          moduleResolution: 'bundler',
          rootDir: 'src',
          outDir: 'dist',
          types: [],
          skipLibCheck: true,
          strict: true,
        },
        include: ['src', 'env.d.ts'],
      }),
    });
    const built = await run(binary('tsc'), ['-p', '.'], app.root);
    expect(built.stdout + built.stderr).toBe('');
    expect(printed(await app.node([...REGISTER, 'dist/main.js']))).toBe('[4,3,[5,8]]');
  },
);
