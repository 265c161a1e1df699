/**
 * The closed tables of classes that may be rebuilt by name. They hang on a registered symbol, so that two copies of this
 * package in one process, an app's and a library's, share them.
 */
import { flameErrorClasses } from '../errors/index.ts';
import { codecError } from './refusal.ts';

export interface ClassCodec<T, D> {
  /** Name on the wire, the same on both sides; default: the class's own name. Give it when a minifier renames classes. */
  readonly name?: string;
  /** @returns shippable data, itself free of references back to `value`. */
  to(value: T): D;
  /** @returns the instance for such data; may throw on data that it does not accept. */
  from(data: D): T;
}

export interface RegisteredClass {
  readonly name: string;
  readonly prototype: object;
  to(value: object): unknown;
  from(data: unknown): unknown;
}

interface Registry {
  readonly classes: Map<string, RegisteredClass>;
  readonly classByPrototype: Map<object, RegisteredClass>;
  readonly errors: Map<string, object>;
  readonly errorByPrototype: Map<object, string>;
}

const KEY = Symbol.for('@flamejs/codec/registry/1');

const registry = sharedRegistry();

/**
 * Lets instances of a class travel: `to` makes data of one, `from` makes one of such data. Call it in a module that
 * callers and runners both load. Subclasses need a registration of their own.
 * @throws FlameCodecError when another class has the name, or there is none
 */
export function registerClass<T extends object, D>(
  // Not `abstract new () => T`: Luxon's DateTime and others have private constructors.
  ctor: { readonly prototype: T; readonly name: string },
  codec: ClassCodec<T, D>,
): void {
  const name = wireName(codec.name ?? ctor.name);
  const known = registry.classes.get(name);
  if (known !== undefined && known.prototype !== ctor.prototype) throw taken(name);
  // Only instances of T reach `to`, and `from` itself judges what arrived.
  const entry: RegisteredClass = {
    name,
    prototype: ctor.prototype,
    to: (value) => codec.to(value as T),
    from: (data) => codec.from(data as D),
  };
  registry.classes.set(name, entry);
  registry.classByPrototype.set(entry.prototype, entry);
}

/**
 * Lets errors of a class arrive as instances of it, so that `instanceof` holds. No constructor runs: the error gets the
 * class's prototype, message, stack, cause and own properties. Errors of other classes arrive as the nearest built-in class,
 * with the right `name`.
 * @param name on the wire, the same on both sides; default: the class's own name
 * @throws FlameCodecError when another class has the name, or there is none
 */
export function registerError(
  ctor: { readonly prototype: Error; readonly name: string },
  name: string = ctor.name,
): void {
  wireName(name);
  const known = registry.errors.get(name) ?? builtinErrors.get(name);
  if (known !== undefined && known !== ctor.prototype) throw taken(name);
  registry.errors.set(name, ctor.prototype);
  registry.errorByPrototype.set(ctor.prototype, name);
}

export const classNamed = (name: string): RegisteredClass | undefined => registry.classes.get(name);

export const classOfPrototype = (prototype: object): RegisteredClass | undefined =>
  registry.classByPrototype.get(prototype);

/** @returns the prototype for errors of that name, when it is built in, Flame's, or registered. */
export const errorPrototype = (name: string): object | undefined =>
  registry.errors.get(name) ?? builtinErrors.get(name);

/** @returns the name under which errors with this very prototype are known. */
export const errorNameOf = (prototype: object): string | undefined =>
  registry.errorByPrototype.get(prototype) ?? builtinNames.get(prototype);

const builtinErrors: ReadonlyMap<string, object> = new Map(
  [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError, AggregateError].map((ctor) => [
    ctor.name,
    ctor.prototype,
  ]),
);
const builtinNames: ReadonlyMap<object, string> = new Map(Array.from(builtinErrors, ([name, proto]) => [proto, name]));

function sharedRegistry(): Registry {
  const found = Reflect.get(globalThis, KEY) as Registry | undefined;
  const shared = found ?? {
    classes: new Map(),
    classByPrototype: new Map(),
    errors: new Map(),
    errorByPrototype: new Map(),
  };
  if (found === undefined) Object.defineProperty(globalThis, KEY, { value: shared });
  for (const [name, ctor] of Object.entries(flameErrorClasses)) {
    // Of two copies of Flame the first rebuilds errors; `instanceof` holds for the classes of both.
    if (!shared.errors.has(name)) shared.errors.set(name, ctor.prototype);
    shared.errorByPrototype.set(ctor.prototype, name);
  }
  return shared;
}

function wireName(name: string): string {
  if (name.length >= 1 && name.length <= 200) return name;
  throw codecError('a registered class', 'needs a name of 1 to 200 characters', 'Pass one as `name`.');
}

const taken = (name: string) =>
  codecError(
    `the name "${name}"`,
    'is already registered for another class',
    'Register one of them under another name.',
  );
