/** Hooks for `module.register`: they run on a thread of their own (Node before `registerHooks`). CommonJS is left to commonjs.ts. */
import type { InitializeHook, LoadHook, ResolveHook } from 'node:module';
import { openProject } from '../project.ts';
import { createFileLoader, type FileLoader, formatOf, isFinished, isUnread } from './load.ts';
import { fileOf, isNotFound, resolveTypeScript } from './resolve.ts';
import { type HookData, warnOnProcess } from './settings.ts';

let loader: FileLoader | undefined;

export const initialize: InitializeHook<HookData> = ({ root, options, entry }) => {
  loader = createFileLoader({ project: openProject(root, options), entry, warn: warnOnProcess });
};

export const load: LoadHook = async (url, context, next) => {
  const file = fileOf(url);
  const opened = file === undefined ? undefined : loader?.open(file);
  if (opened === undefined) return next(url, context);
  let format = opened.format;
  if (opened.isTypeScript) {
    const under = await orUnread(() => next(url, context));
    if (under !== undefined && isFinished(under.format) && !opened.hasCalls) return under;
    format = formatOf(under?.format) ?? format;
  }
  // Without a source, Node takes the CommonJS way, on the main thread.
  if (format === 'cjs') return { format: 'commonjs', shortCircuit: true };
  const source = opened.compile(format);
  return source === undefined ? next(url, context) : { format: 'module', source, shortCircuit: true };
};

async function orUnread<T>(read: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (isUnread(error)) return undefined;
    throw error;
  }
}

export const resolve: ResolveHook = async (specifier, context, next) => {
  try {
    return await next(specifier, context);
  } catch (error) {
    const found = isNotFound(error) ? resolveTypeScript(specifier, context.parentURL) : undefined;
    if (found === undefined) throw error;
    return next(found, context);
  }
};
