/**
 * What compiled code imports: `reg` at the top of a module, `ref` in place of an inline function, `named` around a function
 * passed by name. It imports nothing but errors, because every compiled module loads it, in the app and in executors. The
 * registry hangs on globalThis, since an app may hold this file twice (ESM and CommonJS, or bundled into several chunks).
 */
import { FlameReleaseError, FlameUnknownFunctionError } from '@flamejs/protocol/errors/input-errors';
import { type FunctionId, parseFunctionId } from '@flamejs/protocol/function-id';

const REGISTRY = Symbol.for('@flamejs/closures/1');
const CLOSURE = Symbol.for('@flamejs/closure');
const FUNCTION = Symbol.for('@flamejs/function');

export type Captures = Readonly<Record<string, unknown>>;
/** Hoisted by the compiler: takes the captured variables by name and returns the user's function, its text unchanged. */
export type ClosureFactory = (captures: Captures) => (...args: never[]) => unknown;

/** What `flame.call` and `flame.fn` receive where the source has a function: an address, and the values to ship. */
export interface Closure {
  readonly [CLOSURE]: true;
  /** `src/thumbs.ts#makeThumb/0@yYHLRAKsiIO1`, or `src/app.ts#=resizeImage` for a function passed by name. */
  readonly id: string;
  readonly factory: ClosureFactory;
  /** A snapshot, taken where the call was evaluated. Empty for a function passed by name. */
  readonly captures: Captures;
}

/** One function that a loaded module declares. */
export interface ClosureEntry {
  readonly id: string;
  /** Path of the module relative to the application root, with `/`. */
  readonly module: string;
  readonly factory: ClosureFactory;
  readonly captureNames: readonly string[];
  /** Line of the function in its source, counted from 1. */
  readonly line: number;
}

/** As the compiler writes it: id, factory, names of the captures (`null` for a function passed by name), line. */
export type Registration = readonly [
  id: string,
  factory: ClosureFactory,
  captures: readonly string[] | null,
  line: number,
];

interface Registry {
  readonly byId: Map<string, ClosureEntry>;
  /** `module@hash`: the same body and captures under another name, after a rename or a function inserted above. */
  readonly byHash: Map<string, ClosureEntry>;
  readonly modules: Map<string, readonly ClosureEntry[]>;
}

/** Registers what a module declares. Stands at the top of every compiled module; the newest load of a module wins. */
export function reg(module: string, entries: readonly Registration[]): void {
  const { byId, byHash, modules } = registry();
  for (const old of modules.get(module) ?? []) {
    byId.delete(old.id);
    byHash.delete(hashKey(old.id) ?? '');
  }
  const declared = entries.map(
    ([id, factory, captures, line]): ClosureEntry => ({ id, module, factory, captureNames: captures ?? [], line }),
  );
  for (const entry of declared) {
    byId.set(entry.id, entry);
    const key = hashKey(entry.id);
    if (key !== undefined && !byHash.has(key)) byHash.set(key, entry);
  }
  modules.set(module, declared);
}

/** Takes the place of an inline function at its call site. */
export const ref = (id: string, factory: ClosureFactory, captures: Captures): Closure => ({
  [CLOSURE]: true,
  id,
  factory,
  captures,
});

/** Takes the place of a name in `flame.call(pool, name)`. Only plain functions are wrapped: a pool or a `flame.fn` passes through. */
export function named<T>(id: string, value: T): T | Closure {
  if (typeof value !== 'function' || FUNCTION in value) return value;
  const fn = value as unknown as (...args: never[]) => unknown;
  return ref(id, () => fn, {});
}

export const isClosure = (value: unknown): value is Closure =>
  typeof value === 'object' && value !== null && CLOSURE in value && value[CLOSURE] === true;

/**
 * @returns the function with this id, or the one in the same module with the same body and captures; `undefined` when its
 * module is not loaded, or declares no such function. The module must have been imported before.
 */
export function findClosure(id: string): ClosureEntry | undefined {
  const { byId, byHash } = registry();
  const key = hashKey(id);
  return byId.get(id) ?? (key === undefined ? undefined : byHash.get(key));
}

/** @returns ids of all functions of a loaded module, in the order of its source; of all modules without an argument. */
export function knownClosures(module?: string): readonly string[] {
  const { modules } = registry();
  const entries = module === undefined ? [...modules.values()].flat() : (modules.get(module) ?? []);
  return entries.map((entry) => entry.id);
}

/**
 * Why `findClosure(id)` found nothing, for the error of a call whose module has been imported.
 * @param releases of the caller and of this process.
 * @returns FlameReleaseError when a function of that name exists with another body, else FlameUnknownFunctionError.
 */
export function missingClosure(
  id: string,
  releases: { readonly caller: string; readonly runner: string },
): FlameReleaseError | FlameUnknownFunctionError {
  const { module, name, hash } = split(id);
  const known = knownClosures(module);
  const other = known.map(split).find((candidate) => candidate.name === name);
  if (other !== undefined) {
    return new FlameReleaseError(
      `"${module}#${name}" changed: the caller (release ${releases.caller}) has ${hash || 'a function passed by name'}, ` +
        `this runner (release ${releases.runner}) has ${other.hash || 'a function passed by name'}`,
      { wanted: releases.caller, found: releases.runner },
    );
  }
  return new FlameUnknownFunctionError(
    `"${module}" has no function "${name}" in release ${releases.runner} (the caller is release ${releases.caller}); ` +
      `it has ${known.length === 0 ? 'none' : known.map((each) => split(each).name).join(', ')}`,
    {
      functionName: id,
      known,
      advice: 'Run caller and runner from one release, and start both with the compiler: `flamejs/register`.',
    },
  );
}

/**
 * Gives the user's function its captured variables.
 * @throws FlameUnknownFunctionError when a captured variable did not arrive: the caller was compiled from other source.
 */
export function bindClosure(entry: ClosureEntry, captures: Captures): (...args: never[]) => unknown {
  const missing = entry.captureNames.filter((name) => !Object.hasOwn(captures, name));
  if (missing.length > 0) {
    throw new FlameUnknownFunctionError(`"${entry.id}" was called without its captured ${missing.join(', ')}`, {
      functionName: entry.id,
      advice: 'Run caller and runner from one release.',
    });
  }
  return entry.factory(captures);
}

function registry(): Registry {
  const holder = globalThis as { [REGISTRY]?: Registry };
  holder[REGISTRY] ??= { byId: new Map(), byHash: new Map(), modules: new Map() };
  return holder[REGISTRY];
}

/** Of an id that this process was asked for; one that no compiler wrote is a name in no module. */
const split = (id: string): FunctionId => parseFunctionId(id) ?? { module: '', name: id, hash: '' };

function hashKey(id: string): string | undefined {
  const { module, hash } = split(id);
  return hash === '' ? undefined : `${module}@${hash}`;
}
