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
}

export const createScope = (parent: Scope | undefined, kind: ScopeKind, node: Node): Scope => ({
  parent,
  kind,
  node,
  bindings: new Map(),
});

/** Whether `var` lands here. */
export const holdsVars = ({ kind }: Scope): boolean =>
  kind === 'module' || kind === 'function' || kind === 'static-block' || kind === 'namespace';

export function lookup(scope: Scope, name: string): Binding | undefined {
  for (const each of outwards(scope)) {
    const binding = each.bindings.get(name);
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
