/** Which files the compiler reads, and as what. */

export type Language = 'ts' | 'tsx' | 'jsx';

const LANGUAGES: ReadonlyMap<string, Language> = new Map([
  ['ts', 'ts'],
  ['mts', 'ts'],
  ['cts', 'ts'],
  ['tsx', 'tsx'],
  ['js', 'jsx'],
  ['mjs', 'jsx'],
  ['cjs', 'jsx'],
  ['jsx', 'jsx'],
]);

/** @returns how to parse a file, by its extension; `undefined` for what is no JavaScript or TypeScript, and for declarations. */
export function languageOf(file: string): Language | undefined {
  if (/\.d\.[cm]?ts$/.test(file)) return undefined;
  return LANGUAGES.get(/\.([a-z]+)$/.exec(file)?.[1] ?? '');
}

/** Whether Node cannot run the file as it stands: it has types, or JSX. */
export const needsStripping = (file: string): boolean => {
  const language = languageOf(file);
  return language === 'ts' || language === 'tsx' || (language === 'jsx' && file.endsWith('.jsx'));
};

/** The running Node, as those that lower syntax name it. */
export const nodeTarget = `node${process.versions.node.split('.').slice(0, 2).join('.')}`;
