import { explained } from './explained.mjs';

/**
 * @param mutants what was changed: `file`, `line`, the text `find` that became `replace`, and whether a test `noticed`.
 * @returns how many there were, how many were killed, how many have a reason to live, and the others.
 */
export function scoreOf(name, mutants) {
  const alive = mutants.filter(({ noticed }) => !noticed);
  const survivors = alive.filter((mutant) => !isExplained(mutant));
  return {
    name,
    total: mutants.length,
    killed: mutants.length - alive.length,
    explained: alive.length - survivors.length,
    survivors,
  };
}

function isExplained({ file, find, replace }) {
  return explained.some((one) => file.endsWith(one.file) && one.find === find && one.replace === replace);
}
