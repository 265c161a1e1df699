/**
 * Closures in an executor: their id names a module, which is loaded when the first of its functions is called. The compiler
 * is the application's own; a build's manifest, listed among `functions`, takes its place and is then the only source.
 */
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseFunctionId } from '@flamejs/protocol/function-id';
import { findClosure, knownClosures } from '@flamejs/queue/closures';
import { deriveRelease, FlameUnknownFunctionError } from '@flamejs/queue/internal';

/** The part of `@flamejs/compiler` that is used here; the package is no dependency, for many applications do without. */
interface Compiler {
  install(options: { readonly root: string }): void;
  moduleOfId(id: string): string | undefined;
  resolveModule(module: string, root: string): string | undefined;
  declaresFlameFunctions(path: string, root?: string): boolean;
  readManifest(path: string): Manifest;
  fileOfFunction(manifest: Manifest, id: string): string | undefined;
}
type Manifest = { readonly release: string; readonly skipped: readonly string[] };

export interface ClosureModules {
  /**
   * Before anything is loaded: from then on, the application's modules are compiled as they load. Only where the process
   * that started the runner compiles too (it leaves FLAME_ROOT), or a build has left a manifest.
   */
  install(): Promise<void>;
  /** @returns whether something has to be loaded before this function can be called. @throws StaleModules */
  needs(functionName: string): boolean;
  /**
   * Loads the module of a closure, once. Anything that is not the id of a closure needs nothing.
   * @throws FlameUnknownFunctionError when this release has no such module, or its name is not one that a compiler writes
   * @throws StaleModules when its file, or the whole application, is another one since this process has begun
   */
  load(functionName: string): Promise<void>;
}

/** What this process has loaded is not what is on the disk. */
export class StaleModules extends Error {}

const MANIFEST_SUFFIX = '.json';

export const isManifest = (module: string): boolean => module.endsWith(MANIFEST_SUFFIX);

/**
 * A call names a module, and importing a module runs its top level: what a call names is imported only when the application has said
 * so, by a manifest or by its `functions`. Anything else is refused before anything is imported.
 *
 * @param modules what the runner was given to load; manifests among them are read, not imported
 * @param functions the patterns that they were found by, for a file that came later
 * @param release what the files of the root must come to for anything to run
 */
export const createClosureModules = (
  root: string,
  modules: readonly string[],
  functions: readonly string[],
  release: string | undefined,
): ClosureModules => {
  const loaded = new Map<string, { readonly done: Promise<unknown>; readonly changedAt: number }>();
  const begunAs = deriveRelease(root);
  const isStrange = release !== undefined && release !== begunAs;
  const manifestFiles = modules.filter(isManifest);
  let compiler: Compiler | undefined;
  let manifests: readonly Manifest[] = [];

  const listed = new Set(modules.map(realPath));

  const isListed = async (file: string): Promise<boolean> => {
    if (listed.has(file)) return true;
    // Loaded only here: mostly nothing is missing.
    const { findModules } = await import('../../find-modules.ts');
    const now = await findModules(functions, root).catch(() => []);
    for (const module of now) listed.add(realPath(module));
    return listed.has(file);
  };

  const fileOf = async (id: string, found: Compiler): Promise<string | undefined> => {
    if (manifestFiles.length > 0) {
      for (const manifest of manifests) {
        const file = found.fileOfFunction(manifest, id);
        if (file !== undefined) return file;
      }
      return undefined;
    }
    const module = found.moduleOfId(id);
    const file = module === undefined ? undefined : found.resolveModule(module, root);
    if (file === undefined || !found.declaresFlameFunctions(file, root)) return undefined;
    if (await isListed(file)) return file;
    throw refuse(id, `${module} is not among \`functions\` in flame.config, and runners import nothing else`);
  };

  const open = async (): Promise<Compiler | undefined> => {
    if (compiler !== undefined) return compiler;
    const found = await findCompiler(root);
    if (found === undefined) return undefined;
    manifests = manifestFiles.map((file) => found.readManifest(file));
    for (const text of manifests.flatMap(({ skipped }) => skipped)) process.emitWarning(text, 'FlameWarning');
    if (manifestFiles.length === 0) found.install({ root });
    compiler = found;
    return found;
  };

  return {
    async install() {
      // The compiler is not small: an application that has it and makes no closures does not pay for it.
      if (manifestFiles.length === 0 && process.env.FLAME_ROOT === undefined && !modules.some(mayCallFlame)) return;
      if ((await open()) === undefined && manifestFiles.length > 0) {
        throw new Error(`${manifestFiles[0]} is a manifest of closures, and flamejs is not installed in ${root}`);
      }
    },
    needs(functionName) {
      if (isStrange) throw new StaleModules(`${root} holds release ${begunAs}, and this runner is ${release}`);
      // Names that people gave may have any of these characters, too: those are among `functions`, or unknown.
      return parseFunctionId(functionName) !== undefined && findClosure(functionName) === undefined;
    },
    async load(functionName) {
      const found = await open();
      if (found === undefined) throw refuse(functionName, 'it is a closure, and flamejs is not installed here');
      const file = await fileOf(functionName, found);
      if (file === undefined)
        throw refuse(functionName, 'this release has no module of that name that declares functions');
      const before = loaded.get(file);
      if (before !== undefined) {
        await before.done;
        if (findClosure(functionName) === undefined && changedAt(file) !== before.changedAt)
          throw new StaleModules(`${file} has changed since it was loaded`);
        return;
      }
      // One half of its modules from here and the other from there would be no release at all.
      if (deriveRelease(root) !== begunAs) throw new StaleModules(`${root} holds another release than it did`);
      const loading = { done: importCompiled(file), changedAt: changedAt(file) };
      loaded.set(file, loading);
      await loading.done;
    },
  };

  async function importCompiled(file: string): Promise<void> {
    const before = knownClosures().length;
    const { href } = pathToFileURL(file);
    await import(href);
    // It was loaded as one of `functions` before the compiler was there: once more, compiled.
    if (knownClosures().length === before) await import(`${href}?compiled`);
  }
};

/** Links are followed, as loaders do. */
const realPath = (module: string): string => {
  const path = module.startsWith('file:') ? fileURLToPath(module) : module;
  try {
    return realpathSync(path);
  } catch {
    return path; // not there: importing it says so
  }
};

/** Whether a module may hold closures, so that it has to be compiled when it is loaded first. May say yes of one that holds none. */
const mayCallFlame = (module: string): boolean => {
  try {
    return /\b(call|cast|map|placeChild|schedule|stream)\s*\(/.test(readFileSync(realPath(module), 'utf8'));
  } catch {
    return false;
  }
};

const changedAt = (file: string): number => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** The application's copy, as it would import it itself; where it has `flamejs` alone, that of `flamejs`. */
const findCompiler = async (root: string): Promise<Compiler | undefined> => {
  const { resolve } = createRequire(join(root, 'package.json'));
  for (const name of ['@flamejs/compiler', 'flamejs/compiler']) {
    let entry: string;
    try {
      entry = resolve(name);
    } catch {
      continue;
    }
    if (existsSync(entry)) return (await import(pathToFileURL(entry).href)) as Compiler;
  }
  return undefined;
};

/** Names come from outside and may be of any length. */
const refuse = (functionName: string, why: string): FlameUnknownFunctionError =>
  new FlameUnknownFunctionError(`no function "${functionName.slice(0, 200)}" here: ${why}`, {
    functionName: functionName.slice(0, 200),
    known: [],
  });
