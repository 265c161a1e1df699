/** Hooks for `module.register`: they run on a thread of their own (Node before `registerHooks`). CommonJS is left to commonjs.ts. */
import type { InitializeHook, LoadHook, ResolveHook } from 'node:module';
import { openProject } from '../project.ts';
import { createFileLoader, type FileLoader } from './load.ts';
import { fileOf, isNotFound, resolveTypeScript } from './resolve.ts';
import { type HookData, warnOnProcess } from './settings.ts';

let loader: FileLoader | undefined;

export const initialize: InitializeHook<HookData> = ({ root, options, entry }) => {
  loader = createFileLoader({ project: openProject(root, options), entry, warn: warnOnProcess });
};

export const load: LoadHook = (url, context, next) => {
  const file = loader === undefined ? undefined : fileOf(url);
  const opened = file === undefined ? undefined : loader?.open(file);
  if (opened === undefined) return next(url, context);
  // Without a source, Node takes the CommonJS way, on the main thread.
  if (opened.format === 'cjs') return { format: 'commonjs', shortCircuit: true };
  const source = opened.compile();
  return source === undefined ? next(url, context) : { format: 'module', source, shortCircuit: true };
};

export const resolve: ResolveHook = async (specifier, context, next) => {
  try {
    return await next(specifier, context);
  } catch (error) {
    const found = isNotFound(error) ? resolveTypeScript(specifier, context.parentURL) : undefined;
    if (found === undefined) throw error;
    return next(found, context);
  }
};
