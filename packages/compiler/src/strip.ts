/** Takes types and JSX off, for loaders that hand plain JavaScript to Node. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { transformSync } from 'oxc-transform';
import { languageOf, nodeTarget } from './language.ts';
import { lower } from './lower.ts';
import { hasModuleSyntax } from './module-format.ts';
import { chain, type RawMap } from './source-map.ts';
import type { TypeScriptSettings } from './tsconfig.ts';

export interface Stripped {
  readonly code: string;
  readonly map: RawMap;
}

/** What lowered syntax (`using`, decorators) imports; applications do not have it, so it is found from here. */
const HELPERS = '@oxc-project/runtime/helpers/';

/**
 * Syntax that the running Node lacks is lowered.
 * @throws SyntaxError with the place, when the file does not parse.
 */
export function strip(file: string, code: string, settings: TypeScriptSettings, format: 'esm' | 'cjs'): Stripped {
  const { jsxImportSource, jsxFactory, jsxFragmentFactory } = settings;
  // `@jsx h` names a factory, which only the classic way calls.
  const jsx = settings.jsx ?? (/\/\*\*[\s*]*@jsx\s/.test(code) ? 'classic' : 'automatic');
  const result = transformSync(file, code, {
    lang: languageOf(file) ?? 'ts',
    sourceType: format === 'cjs' ? 'commonjs' : 'module',
    sourcemap: true,
    target: nodeTarget,
    jsx: {
      runtime: jsx,
      ...(jsx === 'automatic' && jsxImportSource !== undefined ? { importSource: jsxImportSource } : {}),
      ...(jsx === 'classic' && jsxFactory !== undefined ? { pragma: jsxFactory } : {}),
      ...(jsx === 'classic' && jsxFragmentFactory !== undefined ? { pragmaFrag: jsxFragmentFactory } : {}),
    },
    typescript: {
      onlyRemoveTypeImports: settings.keepImports,
      removeClassFieldsWithoutInitializer: settings.assignFields,
    },
    decorator: { legacy: settings.legacyDecorators, emitDecoratorMetadata: settings.emitDecoratorMetadata },
    assumptions: { setPublicClassFields: settings.assignFields },
  });
  const errors = result.errors.filter(({ severity }) => String(severity) === 'Error');
  if (errors.length > 0) {
    throw new SyntaxError(errors.map(({ codeframe, message }) => codeframe ?? message).join('\n'));
  }
  if (result.map === undefined) throw new SyntaxError(`${file}: the type stripper returned no source map`);
  const map: RawMap = { ...result.map, version: 3 };
  const lowered = lower(file, result.code, format === 'cjs' && hasModuleSyntax(file, result.code));
  if (lowered === undefined) return { code: withHelpers(result.code), map };
  return { code: withHelpers(lowered.code), map: chain([lowered.map, map]) };
}

function withHelpers(code: string): string {
  if (!code.includes(HELPERS)) return code;
  // Each helper is CommonJS with a default export, so one file serves both formats.
  const require = createRequire(import.meta.url);
  const folder = join(dirname(require.resolve('@oxc-project/runtime/package.json')), 'src/helpers');
  const file = (name: string): string => join(folder, `${name}.js`);
  return code
    .replace(/^(import .* from )"@oxc-project\/runtime\/helpers\/(\w+)"/gm, (_, start: string, name: string) => {
      return `${start}${JSON.stringify(pathToFileURL(file(name)).href)}`;
    })
    .replace(/\brequire\("@oxc-project\/runtime\/helpers\/(\w+)"\)/g, (_, name: string) => {
      return `require(${JSON.stringify(file(name))})`;
    });
}
