/** Whether a file is an ES module, by the rules that Node applies, with TypeScript's `import` and `export` counted as syntax. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseSync } from 'oxc-parser';
import { languageOf } from './language.ts';
import { upwards } from './root.ts';

export type ModuleFormat = 'esm' | 'cjs';

/** @returns by extension, then by the `type` of the nearest package.json, then by what the file contains. */
export function moduleFormat(file: string, code: string): ModuleFormat {
  if (/\.m[jt]s$/.test(file)) return 'esm';
  if (/\.c[jt]s$/.test(file)) return 'cjs';
  if (packageType(dirname(file)) === 'module') return 'esm';
  return hasModuleSyntax(file, code) ? 'esm' : 'cjs';
}

const types = new Map<string, string | undefined>();

/** Cached for the life of the process, as Node does. */
function packageType(folder: string): string | undefined {
  if (types.has(folder)) return types.get(folder);
  let found: string | undefined;
  for (const each of upwards(folder)) {
    const manifest = readPackage(each);
    if (manifest === undefined) continue;
    found = typeof manifest.type === 'string' ? manifest.type : undefined;
    break;
  }
  types.set(folder, found);
  return found;
}

function readPackage(folder: string): { readonly type?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    // None here, or unreadable: Node looks in the folder above, too.
    return undefined;
  }
}

/** Whether a file has `import` or `export` other than those with which TypeScript writes CommonJS. */
export function hasModuleSyntax(file: string, code: string): boolean {
  const lang = languageOf(file);
  if (lang === undefined || !/\b(?:import|export)\b/.test(code)) return false;
  const { module, program } = parseSync(file, code, { lang, sourceType: 'unambiguous', astType: 'ts' });
  // `export = x` and `import x = require('x')` are how TypeScript writes CommonJS.
  const written = module.staticImports.length + module.staticExports.length + module.importMetas.length > 0;
  return (
    written && !program.body.some(({ type }) => type === 'TSExportAssignment' || type === 'TSImportEqualsDeclaration')
  );
}
