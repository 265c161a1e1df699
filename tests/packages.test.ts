/** What an application installs: one package, with everything in it under the names that the documentation uses. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startNode } from './support/processes.ts';
import { settles } from './support/wait-for.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const read = (name: string): string => readFileSync(join(root, name), 'utf8');
const packages = readdirSync(join(root, 'packages'));
const below = (folder: string, pattern: RegExp): readonly string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => pattern.test(name))
    .map((name) => join(folder, name));

test('A-07: documents and messages name the command that is ours, not somebody else’s package', () => {
  const texts = [
    'README.md',
    ...below('docs', /\.md$/),
    ...packages.flatMap((name) => [`packages/${name}/README.md`, ...below(`packages/${name}/src`, /\.ts$/)]),
  ];
  expect(texts.length).toBeGreaterThan(100);
  expect(texts.filter((name) => read(name).includes('npx flame '))).toEqual([]);
  expect(read('README.md')).toContain('npm install flamejs');
});

test('A-07: documents and messages name one package, not its parts', () => {
  const documents = ['README.md', ...below('docs', /\.md$/)];
  expect(documents.filter((name) => read(name).includes('@flamejs/'))).toEqual([]);
  // A sentence has a space; a specifier or the key of a symbol has none.
  const sentence = /(['"`])(?:(?!\1)[^\\\n]|\\.)*@flamejs\/(?:(?!\1)[^\\\n]|\\.)*\1/g;
  const messages = packages
    .flatMap((name) => below(`packages/${name}/src`, /\.ts$/))
    .flatMap((file) => {
      const code = read(file).replace(/\/\*.*?\*\/|^\s*\/\/.*$/gms, '');
      return [...code.matchAll(sentence)].map(([text]) => `${file}: ${text}`).filter((text) => / .* /.test(text));
    });
  expect(messages).toEqual([]);
});

test('A-07: the pages that errors name are in the package', async () => {
  await using pack = await startNode(join(root, 'scripts/pack-docs.mjs'), {});
  expect((await settles(pack.exited, { what: 'the copy' })).code).toBe(0);
  expect(existsSync(join(root, 'packages/flamejs/docs/errors/FLAME_ERR_TIMEOUT.md'))).toBe(true);
  expect(JSON.parse(read('packages/flamejs/package.json'))).toMatchObject({
    files: expect.arrayContaining(['docs']),
    scripts: { prepack: 'node ../../scripts/pack-docs.mjs' },
  });
});

test('A-07: every package says what it is and under which licence', () => {
  const lacking = packages.filter((name) =>
    ['README.md', 'LICENSE'].some((file) => !existsSync(join(root, 'packages', name, file))),
  );
  expect(lacking).toEqual([]);
});

test('A-07: both commands are one, and print the version', async () => {
  const { bin, version } = JSON.parse(read('packages/flamejs/package.json'));
  expect(Object.keys(bin).sort()).toEqual(['flame', 'flamejs']);
  for (const file of new Set(Object.values<string>(bin))) {
    await using run = await startNode(join(root, 'packages/flamejs', file), { args: ['--version'] });
    const { code } = await settles(run.exited, { what: file });
    expect([code, run.output()]).toEqual([0, `${version}\n`]);
  }
});

test('A-07: flamejs exports what its parts export, and only that', async () => {
  const { exports } = JSON.parse(read('packages/flamejs/package.json'));
  const names = Object.keys(exports).filter((name) => !['./register', './runner', './jest/jest-preset'].includes(name));
  expect(names).toEqual(expect.arrayContaining(['.', './local', './docker', './ec2', './fly', './policies', './vite']));
  for (const name of names) {
    const file = name === '.' ? 'index' : name.slice(2);
    const part = /export \* from '(.+)'/.exec(read(`packages/flamejs/src/${file}.ts`))?.[1];
    // What is only here: the root, which is a choice, and plugins.
    if (part === undefined) continue;
    const own: object = await import(join(root, `packages/flamejs/dist/${file}.js`));
    const theirs: object = await import(import.meta.resolve(part));
    // What needs several parts is only here.
    const more = name === './testing' ? ['startFlame'] : [];
    expect(Object.keys(own).sort(), name).toEqual([...Object.keys(theirs), ...more].sort());
  }
});

test('A-07: what the release workflow runs is there, and it publishes with provenance', () => {
  const { scripts } = JSON.parse(read('package.json'));
  const workflows = below('.github/workflows', /\.yml$/)
    .map(read)
    .join('\n');
  const wanted = [...workflows.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name);
  expect(wanted).toEqual(expect.arrayContaining(['release:version', 'release:publish', 'docs:site']));
  expect(wanted.filter((name) => !(name in scripts))).toEqual([]);
  for (const [, file = ''] of workflows.matchAll(/node (scripts\/\S+)/g))
    expect(existsSync(join(root, file))).toBe(true);
  expect(workflows).toMatch(/id-token: write/);
  expect(workflows).toMatch(/NPM_CONFIG_PROVENANCE: ["']true["']/);
  // All packages have one version, and name each other by it.
  const manifests = packages.map((name) => JSON.parse(read(`packages/${name}/package.json`)));
  const [version] = new Set(manifests.map((manifest) => manifest.version));
  for (const { name, version: own, dependencies = {} } of manifests) {
    expect([name, own]).toEqual([name, version]);
    const parts = Object.entries(dependencies).filter(([other]) => other.startsWith('@flamejs/'));
    expect(parts.filter(([, range]) => range !== version)).toEqual([]);
  }
});

test('the lock file has the binaries of every platform, so that a clone installs on a machine of another kind', () => {
  const { packages: locked } = JSON.parse(read('package-lock.json')) as {
    packages: Readonly<Record<string, { readonly optionalDependencies?: Readonly<Record<string, string>> }>>;
  };
  const names = new Set(Object.keys(locked).map((path) => path.replace(/^.*node_modules\//, '')));
  const lacking = Object.entries(locked).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !names.has(name))
      .map((name) => `${name} of ${path}`),
  );
  expect(lacking).toEqual([]);
});

/** Preloaded into a process: says at its end which packages CommonJS was loaded of, which is what weighs. */
const COUNTING = `data:text/javascript,
  import { createRequire } from 'node:module';
  const { cache } = createRequire('/');
  process.on('exit', () => {
    const names = Object.keys(cache).map((file) => file.split('node_modules/').at(-1).split('/')[0]);
    process._rawDebug('loaded:' + [...new Set(names)].join(' '));
  });`.replaceAll('\n', ' ');

test.each([
  [
    'a config that imports from the root and `local`',
    ['--input-type=module', '-e', "import 'flamejs'; import { local } from 'flamejs/local'; local()"],
  ],
  ['flame --help', [join(root, 'packages/flamejs/bin/flamejs.js'), '--help']],
  ['flame --version', [join(root, 'packages/flamejs/bin/flamejs.js'), '--version']],
])('A-22: a light start: %s loads no client of Redis, no queue, no logger, no web server and no SDK', (_, args) => {
  const { status, stderr } = spawnSync(process.execPath, ['--import', COUNTING, ...args], {
    cwd: join(root, 'packages/flamejs'),
    encoding: 'utf8',
  });
  expect([
    status,
    /loaded:(.*)/
      .exec(stderr)?.[1]
      ?.split(' ')
      .filter((name) => name !== 'commander'),
  ]).toEqual([0, ['']]);
});
