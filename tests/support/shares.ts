/** Where a run's time goes: by area, and the files that take most of it. */

export interface FileTime {
  /** Path from the root of the repository. */
  readonly file: string;
  readonly tests: number;
  /** Its import and its tests, ms. */
  readonly ms: number;
}

export interface Share {
  readonly name: string;
  readonly tests: number;
  readonly ms: number;
  /** Of the time of all files, 0 to 1. */
  readonly share: number;
}

export interface Shares {
  readonly areas: readonly Share[];
  readonly slowest: readonly Share[];
}

const SLOWEST = 10;

/** Pure. @returns areas and files, those that take longest first */
export const sharesOf = (files: readonly FileTime[]): Shares => {
  const all = files.reduce((sum, { ms }) => sum + ms, 0);
  const areas = new Map<string, { tests: number; ms: number }>();
  for (const { file, tests, ms } of files) {
    const area = areas.get(areaOf(file)) ?? { tests: 0, ms: 0 };
    areas.set(areaOf(file), { tests: area.tests + tests, ms: area.ms + ms });
  }
  const share = (name: string, { tests, ms }: { tests: number; ms: number }): Share => ({
    name,
    tests,
    ms: Math.round(ms),
    share: all === 0 ? 0 : ms / all,
  });
  const byTime = (a: Share, b: Share): number => b.ms - a.ms;
  return {
    areas: [...areas].map(([name, of]) => share(name, of)).sort(byTime),
    slowest: files
      .map((of) => share(of.file, of))
      .sort(byTime)
      .slice(0, SLOWEST),
  };
};

/** A package, a folder of tests, or `tests` for the files that lie in it. */
const areaOf = (file: string): string => {
  const [top = '', second = '', ...deeper] = file.split('/');
  return deeper.length === 0 ? top : `${top}/${second}`;
};
