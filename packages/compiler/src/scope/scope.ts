/** Scopes, and the names bound in them. */
import type { Expression, Node } from 'oxc-parser';

export type ScopeKind =
  | 'module'
  | 'function-name'
  | 'params'
  | 'function'
  | 'block'
  | 'with'
  | 'class'
  | 'static-block'
  | 'enum'
  | 'namespace';

export type BindingKind =
  | 'import'
  | 'var'
  | 'let'
  | 'const'
  | 'using'
  | 'param'
  | 'catch'
  | 'function'
  | 'function-name'
  | 'class'
  | 'class-name'
  | 'enum'
  | 'enum-member'
  | 'namespace';

export interface ImportOrigin {
  readonly source: string;
  /** The exported name; `default`, or `*` for the whole module. */
  readonly imported: string;
  /** `import type`: nothing at run time. */
  readonly typeOnly: boolean;
  /** `import x = require('…')`: the module's exports as they are, whatever its default is. */
  readonly whole: boolean;
}

/** The value a name starts with: the initialiser, and where in it (`const { a: { b } } = init` gives `b` the path a, b). */
export interface InitialValue {
  readonly init: Expression;
  readonly path: readonly string[];
}

export interface Binding {
  readonly name: string;
  /** Where it is declared; with several declarations, the last function wins as it does at run time. */
  kind: BindingKind;
  node: Node;
  readonly scope: Scope;
  readonly origin: ImportOrigin | undefined;
  /** Known only when there is one declaration, and for destructuring only through plain names. */
  initial: InitialValue | undefined;
  declarations: number;
  /** Assignments other than the initialiser, anywhere in the file. */
  writes: number;
}

export interface Scope {
  readonly parent: Scope | undefined;
  readonly kind: ScopeKind;
  readonly node: Node;
  readonly bindings: Map<string, Binding>;
  /** Whether the code is strict: a module, a class, or under `'use strict'`. */
  readonly strict: boolean;
  /** A direct `eval` in sloppy code may declare any name here. */
  evals: boolean;
  /** What its namespaces export, from all their blocks together: TypeScript merges those of one name. */
  readonly namespaces: Map<string, NamespaceExports>;
  /** Of a block of a namespace: what all blocks of it export. */
  readonly merged: NamespaceExports | undefined;
}

/** Names that the blocks of one namespace export, nested namespaces included. */
export interface NamespaceExports {
  readonly bindings: Map<string, Binding>;
  readonly namespaces: Map<string, NamespaceExports>;
}

/** @param strict whether the scope makes code strict by itself; what is in strict code is strict in any case. */
export const createScope = (
  parent: Scope | undefined,
  kind: ScopeKind,
  node: Node,
  { strict = false, merged }: { readonly strict?: boolean; readonly merged?: NamespaceExports | undefined } = {},
): Scope => ({
  parent,
  kind,
  node,
  bindings: new Map(),
  strict: strict || kind === 'class' || parent?.strict === true,
  evals: false,
  namespaces: new Map(),
  merged,
});

/** @returns the exports that a scope's namespaces of this name share; made when there are none yet. */
export function exportsOf(owner: Pick<Scope, 'namespaces'>, name: string): NamespaceExports {
  const known = owner.namespaces.get(name) ?? { bindings: new Map(), namespaces: new Map() };
  owner.namespaces.set(name, known);
  return known;
}

/** Where `var` lands. */
export const varScope = (scope: Scope): Scope => {
  for (const each of outwards(scope)) if (holdsVars(each)) return each;
  return scope;
};

/** Where a direct `eval` of sloppy code declares what it declares; one among parameters has a place of its own. */
export const declaringScope = (scope: Scope): Scope => {
  for (const each of outwards(scope)) if (holdsVars(each) || each.kind === 'params') return each;
  return scope;
};

/** Whether `var` lands here. */
export const holdsVars = ({ kind }: Scope): boolean =>
  kind === 'module' || kind === 'function' || kind === 'static-block' || kind === 'namespace';

export function lookup(scope: Scope, name: string): Binding | undefined {
  for (const each of outwards(scope)) {
    const binding = each.bindings.get(name) ?? each.merged?.bindings.get(name);
    if (binding !== undefined) return binding;
  }
  return undefined;
}

/** The scope itself, then what encloses it, up to the module. */
export function* outwards(scope: Scope): Generator<Scope> {
  for (let each: Scope | undefined = scope; each !== undefined; each = each.parent) yield each;
}

/** Whether code in this scope runs when a function is called, rather than when the module loads. */
export const isInFunction = (scope: Scope): boolean => {
  for (const { kind } of outwards(scope)) if (kind === 'params') return true;
  return false;
};
