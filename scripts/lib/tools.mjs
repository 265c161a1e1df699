// Tools of the folder `tools`, which is no workspace: what a build, a test or an installation does not need is not installed for it.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, step } from './run.mjs';

const folder = join(root, 'tools');

const BINS = {
  attw: '@arethetypeswrong/cli/dist/index.js',
  changeset: '@changesets/cli/bin.js',
  typedoc: 'typedoc/bin/typedoc',
  vitepress: 'vitepress/bin/vitepress.js',
};

/** Installs them first, when their lock has changed. @returns the script of a tool, for node to run */
export const tool = async (name) => {
  const lock = readFileSync(join(folder, 'package-lock.json'), 'utf8');
  const mark = join(folder, 'node_modules/.installed');
  if (!existsSync(mark) || readFileSync(mark, 'utf8') !== lock) {
    await step('Installing tools', 'npm', ['ci', '--prefix', folder, '--no-audit', '--no-fund'], { quiet: true });
    writeFileSync(mark, lock);
  }
  return join(folder, 'node_modules', BINS[name]);
};
