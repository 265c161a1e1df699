/** "Did you mean": finds the known name that a mistyped one probably stands for. */

/** @returns the closest candidate, or `undefined` when none is close. */
export const suggest = (name: string, candidates: Iterable<string>): string | undefined => {
  const wanted = name.toLowerCase();
  let best: string | undefined;
  let bestScore = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const score = scoreOf(wanted, candidate.toLowerCase());
    if (score < bestScore) [best, bestScore] = [candidate, score];
  }
  return best;
};

/** @returns ` Did you mean "x"?` to append to a message, or nothing. */
export const didYouMean = (name: string, candidates: Iterable<string>): string => {
  const best = suggest(name, candidates);
  return best === undefined ? '' : ` Did you mean "${best}"?`;
};

/** @returns `there is no pool "mian"; it has main, images. Did you mean "main"?`, with `in app "shop"` when that is given. */
export const noSuchPool = (name: string, names: readonly string[], app?: string): string => {
  const hint = didYouMean(name, names);
  const where = app === undefined ? '; the config has' : ` in app "${app}"; it has`;
  return `there is no pool ${JSON.stringify(name.slice(0, 80))}${where} ${names.join(', ') || 'none'}${hint === '' ? '' : `.${hint}`}`;
};

/** Lower is closer; Infinity is not close. */
const scoreOf = (wanted: string, candidate: string): number => {
  const distance = editDistance(wanted, candidate);
  if (distance <= Math.max(1, Math.floor(candidate.length / 3))) return distance;
  // Part of a longer name, or the same beginning: `concurrency` for `maxConcurrency`, `retry` for `retries`.
  const [short, long] = wanted.length < candidate.length ? [wanted, candidate] : [candidate, wanted];
  const related = (short.length >= 4 && long.includes(short)) || short.slice(0, 4) === long.slice(0, 4);
  return related ? 10 + distance : Number.POSITIVE_INFINITY;
};

/** Levenshtein's distance, with two letters that changed places as one step; on names cut to 64 characters. */
const editDistance = (a: string, b: string): number => {
  const [from, to] = [a.slice(0, 64), b.slice(0, 64)];
  let before: readonly number[] = [];
  let row: readonly number[] = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const substitution = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      const swap = swapped ? (before[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY;
      next.push(Math.min(substitution, swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    before = row;
    row = next;
  }
  return row[to.length] ?? 0;
};
