/** What a project may tell the compiler, parsed once. */

export interface CompilerOptions {
  /**
   * Modules whose `flame` (or default export) is a Flame: a package's name, or a path of the application such as
   * `./src/platform.ts`. For teams that re-export theirs. Default: none; `createFlame` and relative imports need no listing.
   */
  readonly sources?: readonly string[] | undefined;
  /**
   * First parts of import paths that lead into the application, as in tsconfig's `paths`: `app/`. Names that no npm package
   * can have (`@/…`, `~/…`, `#…`, `$…`) always count. Default: none.
   */
  readonly aliases?: readonly string[] | undefined;
}

export interface ParsedOptions {
  readonly sources: readonly string[];
  readonly aliases: readonly string[];
  /** What `createFlame` is imported from. */
  readonly packageNames: readonly string[];
  /** What compiled code imports. */
  readonly runtime: string;
}

export const parseOptions = (options: CompilerOptions = {}): ParsedOptions => ({
  sources: options.sources ?? [],
  aliases: options.aliases ?? [],
  packageNames: ['flamejs', '@flamejs/queue'],
  runtime: '@flamejs/queue/closures',
});

/**
 * Whether a file can contain a flame call at all. A string search, so that files that do not mention Flame cost nothing.
 * `sources` matters for a default import under another name.
 */
export const mentionsFlame = (code: string, { sources }: ParsedOptions): boolean =>
  code.includes('flame') || sources.some((source) => code.includes(baseName(source)));

const baseName = (source: string): string =>
  source.slice(source.lastIndexOf('/') + 1).replace(/\.[cm]?[jt]sx?$/, '') || source;
