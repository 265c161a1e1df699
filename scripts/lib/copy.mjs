// A copy of the workspace that may be broken at will. It stands inside the repository, so that everything but our own
// packages resolves to the one node_modules further up.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { execute, root } from './run.mjs';

const copied = ['packages', 'scripts', 'tests', 'docs', 'vitest.config.ts', 'package.json', 'tsconfig.base.json'];

/** @returns the copy: its folder and what can be done to it. The original is only read. */
export const copyWorkspace = (name) => {
  const folder = join(root, '.cache', name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const entry of copied) {
    cpSync(join(root, entry), join(folder, entry), {
      recursive: true,
      filter: (path) => basename(path) !== 'node_modules',
    });
  }
  linkPackages(folder);

  return {
    folder,
    /** Replaces `find`, which must occur once. @returns a function that puts the original text back. */
    replace: ({ file, find, replace }) => {
      const path = join(folder, file);
      if (!existsSync(path)) throw new Error(`${file} does not exist`);
      const text = readFileSync(path, 'utf8');
      const count = text.split(find).length - 1;
      if (count !== 1) throw new Error(`what is to be replaced occurs ${count} times in ${file}`);
      writeFileSync(
        path,
        text.replace(find, () => replace),
      );
      return () => writeFileSync(path, text);
    },
    /** Builds all packages. A type error does not stop it: code that lacks a behaviour may well have one. */
    build: async () => {
      await execute(process.execPath, ['packages/protocol/embed-lua.mjs'], { quiet: true, cwd: folder });
      const projects = readdirSync(join(folder, 'packages')).map((entry) => join('packages', entry));
      const { output } = await execute(join(root, 'node_modules/.bin/tsc'), ['-b', ...projects], {
        quiet: true,
        cwd: folder,
      });
      const bundles = await execute(process.execPath, ['scripts/bundle.mjs', 'runner', 'cli'], {
        quiet: true,
        cwd: folder,
      });
      return `${output}${bundles.output}`;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
};

// Our packages: the copies. Their private dependencies (what npm could not hoist): the originals.
const linkPackages = (folder) => {
  const scope = join(folder, 'node_modules/@flamejs');
  mkdirSync(scope, { recursive: true });
  for (const entry of readdirSync(join(folder, 'packages'))) {
    const { name } = JSON.parse(readFileSync(join(folder, 'packages', entry, 'package.json'), 'utf8'));
    link(join(folder, 'packages', entry), join(folder, 'node_modules', name));
    link(join(root, 'packages', entry, 'node_modules'), join(folder, 'packages', entry, 'node_modules'));
  }
  link(join(root, 'tests/node_modules'), join(folder, 'tests/node_modules'));
};

const link = (target, path) => {
  if (existsSync(target)) symlinkSync(relative(dirname(path), target), path);
};
