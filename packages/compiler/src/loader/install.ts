/** Puts the compiler into the running process. */

import { realpathSync } from 'node:fs';
import type { LoadFnOutput, LoadHookContext, ResolveFnOutput, ResolveHookContext } from 'node:module';
import * as nodeModule from 'node:module';
import { dirname, resolve, sep } from 'node:path';
import type { CompilerOptions } from '../options.ts';
import { openProject } from '../project.ts';
import { findAppRoot } from '../root.ts';
import { installCommonjs } from './commonjs.ts';
import { createFileLoader, type FileLoader, formatOf, isFinished, isUnread, type LoaderSettings } from './load.ts';
import { fileOf, isNotFound, resolveTypeScript } from './resolve.ts';
import { type HookData, warnOnProcess } from './settings.ts';

export interface InstallOptions extends CompilerOptions {
  /** Default: `FLAME_ROOT`, else found from `FLAME_CONFIG`, else from the file that the process starts with. */
  readonly root?: string | undefined;
}

const INSTALLED = Symbol.for('@flamejs/compiler/installed');

/**
 * From now on, modules of the application are compiled as they are loaded. A second call does nothing. Children of this
 * process find the same root in `FLAME_ROOT`; they need `--import flamejs/register` of their own, which `fork`
 * passes on. Source maps are turned on.
 */
export function install({ root, ...options }: InstallOptions = {}): void {
  const holder = globalThis as { [INSTALLED]?: true };
  if (holder[INSTALLED]) return;
  holder[INSTALLED] = true;
  const entry = entryFile();
  const data: HookData = {
    root: root ?? findAppRoot(startOf(entry)),
    options,
    entry,
  };
  process.env.FLAME_ROOT ??= data.root;
  process.setSourceMapsEnabled(true);
  const { registerHooks } = nodeModule as { registerHooks?: RegisterHooks };
  const settings: LoaderSettings = { project: openProject(data.root, options), entry, warn: warnOnProcess };
  installCommonjs(settings);
  if (registerHooks === undefined) nodeModule.register('./hooks.js', { parentURL: import.meta.url, data });
  else installHooks(registerHooks, createFileLoader(settings));
}

/** Node from 22.15 on; the types that this package is built with are those of its oldest Node. */
type RegisterHooks = (hooks: {
  load(url: string, context: LoadHookContext, next: NextLoad): LoadFnOutput;
  resolve(specifier: string, context: ResolveHookContext, next: NextResolve): ResolveFnOutput;
}) => void;
type NextLoad = (url: string, context: LoadHookContext) => LoadFnOutput;
type NextResolve = (specifier: string, context: ResolveHookContext) => ResolveFnOutput;

/** On this thread; older Nodes have hooks.ts on one of its own. */
function installHooks(registerHooks: RegisterHooks, loader: FileLoader): void {
  registerHooks({
    load(url, context, next) {
      const file = fileOf(url);
      const opened = file === undefined ? undefined : loader.open(file);
      if (opened === undefined) return next(url, context);
      let format = opened.format;
      if (opened.isTypeScript) {
        const under = orUnread(() => next(url, context));
        if (under !== undefined && isFinished(under.format) && !opened.hasCalls) return under;
        format = formatOf(under?.format) ?? format;
      }
      // Left to commonjs.ts: with a source from here, Node 22 gives it a `require` that cannot load ES modules.
      if (format === 'cjs') return { format: 'commonjs', shortCircuit: true };
      const source = opened.compile(format);
      return source === undefined ? next(url, context) : { format: 'module', source, shortCircuit: true };
    },
    resolve(specifier, context, next) {
      try {
        return next(specifier, context);
      } catch (error) {
        const found = isNotFound(error) ? resolveTypeScript(specifier, context.parentURL) : undefined;
        if (found === undefined) throw error;
        // `require` would take the URL for a name, so Node is not asked again.
        return { url: found, shortCircuit: true };
      }
    },
  });
}

function orUnread<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isUnread(error)) return undefined;
    throw error;
  }
}

/** Runners and `flame` commands are installed programs, which say nothing of the application: they are told its config. */
function startOf(entry: string | undefined): string {
  const { FLAME_CONFIG } = process.env;
  if (FLAME_CONFIG !== undefined && FLAME_CONFIG !== '') return dirname(resolve(FLAME_CONFIG));
  const isInstalled = entry?.includes(`${sep}node_modules${sep}`) ?? true;
  return entry === undefined || isInstalled ? process.cwd() : dirname(entry);
}

function entryFile(): string | undefined {
  const [, file] = process.argv;
  if (file === undefined) return undefined;
  try {
    return realpathSync(resolve(file));
  } catch {
    // `-e`, `-p`, or a name that Node completes: there is no entry to warn about.
    return undefined;
  }
}
