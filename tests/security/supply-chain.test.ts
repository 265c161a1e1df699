/** S-22: what an application takes on with a package of ours. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

/** Where npm gets what has no address of its own. */
const REGISTRY = 'https://registry.npmjs.org/';
const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8'));

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly scripts?: Readonly<Record<string, string>>;
}
const packages = readdirSync(join(root, 'packages')).map((name): Manifest => read(`packages/${name}/package.json`));
const outside = ({ dependencies = {} }: Manifest): [string, string][] =>
  Object.entries(dependencies).filter(([name]) => !name.startsWith('@flamejs/'));

test.each(packages.map((manifest) => [manifest.name, manifest] as const))(
  'S-22 %s has at most six runtime dependencies, pinned exactly, and runs nothing when it is installed',
  (_, manifest) => {
    const dependencies = outside(manifest);
    expect(dependencies.length).toBeLessThanOrEqual(6);
    for (const [name, version] of dependencies) expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
    expect(Object.keys(manifest.scripts ?? {}).filter((script) => /install|prepare|prepublish/.test(script))).toEqual(
      [],
    );
  },
);

interface Lock {
  readonly packages: Readonly<
    Record<
      string,
      {
        readonly dependencies?: Readonly<Record<string, string>>;
        readonly optionalDependencies?: Readonly<Record<string, string>>;
        readonly integrity?: string;
        readonly resolved?: string;
        readonly link?: boolean;
        readonly hasInstallScript?: boolean;
      }
    >
  >;
}
const { packages: locked } = read('package-lock.json') as Lock;

/** As Node would find it: from the folder of whoever asks upwards. */
const found = (from: string, name: string): string | undefined => {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const path = `${at === '' ? '' : `${at}/`}node_modules/${name}`;
    if (locked[path] !== undefined) return path;
    if (at === '' || !at.includes('/node_modules/')) {
      const top = `node_modules/${name}`;
      return locked[top] === undefined ? undefined : top;
    }
  }
};

const runtimeTree = (): ReadonlySet<string> => {
  const seen = new Set<string>();
  const visit = (from: string, names: readonly string[]): void => {
    for (const name of names) {
      const path = found(from, name);
      if (path === undefined || seen.has(path)) continue;
      seen.add(path);
      const entry = locked[path];
      visit(path, Object.keys({ ...entry?.dependencies, ...entry?.optionalDependencies }));
    }
  };
  for (const manifest of packages) {
    const folder = `packages/${manifest.name.replace('@flamejs/', '')}`;
    visit(
      folder,
      outside(manifest).map(([name]) => name),
    );
  }
  return seen;
};

test('S-22 nothing that an application gets with our packages needs an install script, and each is pinned by its hash', () => {
  const tree = [...runtimeTree()];
  // That the walk finds the tree at all.
  expect(tree).toEqual(expect.arrayContaining(['node_modules/bullmq', 'node_modules/ioredis', 'node_modules/pino']));
  const scripted = tree.filter((path) => locked[path]?.hasInstallScript === true);
  // An optional accelerator of bullmq's; the repository refuses its script, and all runs without.
  expect(scripted).toEqual(['node_modules/msgpackr-extract']);
  expect(read('package.json').allowScripts['msgpackr-extract']).toBe(false);
  for (const path of tree) {
    expect(locked[path]?.integrity, path).toMatch(/^sha512-/);
    expect(locked[path]?.resolved ?? REGISTRY, path).toContain(REGISTRY);
  }
});
