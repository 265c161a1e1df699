// Judges changes of the Lua scripts by the protocol's tests, on a real Redis, in a copy of the workspace.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { copyWorkspace } from '../lib/copy.mjs';
import { execute, root, say } from '../lib/run.mjs';
import { applied, luaMutants } from './lua-mutants.mjs';

/** A script that never ends keeps each test from ending, which is over after the first; this is for what nobody thought of. */
const longestRunMs = 600_000;

/** @returns every change that was judged; see score.mjs. `share` of less than 1 takes every so many-th of them. */
export async function mutateLua({ name, lua, tests }, { only, share = 1 }) {
  const copy = copyWorkspace(`mutation/${name}`);
  try {
    await embed(copy.folder);
    const healthy = await isRed(copy.folder, tests);
    if (healthy) throw new Error(`the tests of ${name} fail without any change: ${tests.join(' ')}`);
    const mutants = lua
      .flatMap((pattern) => filesOf(copy.folder, pattern))
      .filter((file) => only === undefined || file.includes(only))
      .flatMap((file) => mutantsOf(copy.folder, file))
      .filter((_, index) => Math.floor(index * share) !== Math.floor((index - 1) * share));
    const judged = [];
    for (const mutant of mutants) {
      const path = join(copy.folder, mutant.file);
      const text = readFileSync(path, 'utf8');
      writeFileSync(path, applied(text, mutant));
      await embed(copy.folder);
      judged.push({ ...mutant, noticed: await isRed(copy.folder, tests) });
      writeFileSync(path, text);
      if (judged.length % 25 === 0) say(`${name}: ${judged.length} of ${mutants.length}`);
    }
    return judged;
  } finally {
    copy.remove();
  }
}

/** @param pattern a file, or `*.lua` of a folder */
function filesOf(folder, pattern) {
  const [before, after] = basename(pattern).split('*');
  if (after === undefined) return [pattern];
  const at = dirname(pattern);
  const names = readdirSync(join(folder, at)).filter((name) => name.startsWith(before) && name.endsWith(after));
  return names.sort().map((name) => join(at, name));
}

function mutantsOf(folder, file) {
  const text = readFileSync(join(folder, file), 'utf8');
  return luaMutants(text, { isModule: file.endsWith('.ts') }).map((mutant) => ({ ...mutant, file }));
}

/** The tests import sources, so nothing else has to be built. */
async function embed(folder) {
  const script = 'packages/protocol/embed-lua.mjs';
  if (existsSync(join(folder, script))) await execute(process.execPath, [script], { quiet: true, cwd: folder });
}

/** A script that Redis cannot even compile is noticed, too: by every test. */
async function isRed(folder, tests) {
  const { code, signal } = await execute(
    join(root, 'node_modules/.bin/vitest'),
    ['run', '--root', folder, '--bail', '1', '--testTimeout', '30000', ...tests],
    { quiet: true, cwd: folder, timeoutMs: longestRunMs },
  );
  return signal !== null || code !== 0;
}
