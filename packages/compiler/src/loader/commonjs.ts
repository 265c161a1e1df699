/**
 * CommonJS: through `Module._extensions`, as every transpiler of the last ten years. Node 20 has no other hook for it, and
 * `registerHooks` of later versions gives imported CommonJS a lesser `require`.
 */
import Module from 'node:module';
import { pathToFileURL } from 'node:url';
import { createFileLoader, type LoaderSettings } from './load.ts';
import { resolveTypeScript } from './resolve.ts';

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
    const previous = extensions[extension] ?? extensions['.js'];
    const value: Extension = (module, file) => {
      const opened = loader.open(file);
      const source = opened?.compile();
      if (opened === undefined || source === undefined) previous?.(module, file);
      else module._compile(source, file, opened.format === 'esm' ? 'module' : 'commonjs');
    };
    // Node tries the enumerable ones for `require('./x')`.
    const enumerable = SEARCHED.has(extension);
    Object.defineProperty(extensions, extension, { value, enumerable, configurable: true, writable: true });
  }
  const resolve = internals._resolveFilename;
  internals._resolveFilename = function (request, parent, ...rest) {
    try {
      return resolve.call(this, request, parent, ...rest);
    } catch (error) {
      const from = parent?.filename === undefined ? undefined : pathToFileURL(parent.filename).href;
      const found = resolveTypeScript(request, from);
      if (found === undefined) throw error;
      return resolve.call(this, new URL(found).pathname, parent, ...rest);
    }
  };
}
