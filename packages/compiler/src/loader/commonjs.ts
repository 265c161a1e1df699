/**
 * CommonJS: through `Module._extensions`, as every transpiler of the last ten years. Node 20 has no other hook for it, and
 * `registerHooks` of later versions gives imported CommonJS a lesser `require`.
 */
import Module from 'node:module';
import { createFileLoader, type LoaderSettings } from './load.ts';
import { resolveTypeScriptPath } from './resolve.ts';

type Extension = (module: LoadedModule, file: string) => void;
/** The parts of Module that Node documents only by never changing them. */
interface LoadedModule {
  _compile(code: string, file: string, format?: 'module' | 'commonjs'): void;
}
interface ModuleInternals {
  readonly _extensions: Record<string, Extension | undefined>;
  _resolveFilename(request: string, parent: { readonly filename?: string } | undefined, ...rest: unknown[]): string;
}

const SEARCHED: ReadonlySet<string> = new Set(['.js', '.ts', '.tsx']);

export function installCommonjs(settings: LoaderSettings): void {
  const loader = createFileLoader(settings);
  const internals = Module as unknown as ModuleInternals;
  const { _extensions: extensions } = internals;
  for (const extension of ['.js', '.cjs', '.mjs', '.jsx', '.ts', '.cts', '.mts', '.tsx']) {
    let underneath = extensions[extension];
    const value: Extension = (module, file) => {
      const opened = loader.open(file);
      const { foreign, plain } = { foreign: isForeign(underneath), plain: underneath ?? extensions['.js'] };
      const isOurs = opened !== undefined && !(opened.isTypeScript && foreign && !opened.hasCalls);
      const format = opened?.isTypeScript && foreign ? 'cjs' : opened?.format;
      const source = isOurs ? opened.compile(format) : undefined;
      if (source === undefined) plain?.(module, file);
      else module._compile(source, file, format === 'esm' ? 'module' : 'commonjs');
    };
    Object.defineProperty(extensions, extension, {
      get: () => value,
      // A loader that comes later, as tsx may, comes underneath: it would not know a flame call.
      set: (later: Extension) => {
        if (later !== value) underneath = later;
      },
      // Node tries the enumerable ones for `require('./x')`.
      enumerable: SEARCHED.has(extension),
      configurable: true,
    });
  }
  const resolve = internals._resolveFilename;
  internals._resolveFilename = function (request, parent, ...rest) {
    try {
      return resolve.call(this, request, parent, ...rest);
    } catch (error) {
      const found = resolveTypeScriptPath(request, parent?.filename);
      if (found === undefined) throw error;
      return resolve.call(this, found, parent, ...rest);
    }
  };
}

/** Another loader's. Node's own takes types off only, and every file that it can run is one that this compiler can. */
const isForeign = (extension: Extension | undefined): boolean => extension !== undefined && extension.name !== 'loadTS';
