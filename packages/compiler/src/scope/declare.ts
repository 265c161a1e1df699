/** Puts names into scopes: binding patterns, and the hoisting of statements and of `var`. */
import type { Expression, Node } from 'oxc-parser';
import {
  type Binding,
  type BindingKind,
  createScope,
  exportsOf,
  holdsVars,
  type ImportOrigin,
  outwards,
  type Scope,
  varScope,
} from './scope.ts';

export function declare(
  scope: Scope,
  name: string,
  kind: BindingKind,
  node: Node,
  origin?: ImportOrigin,
): Binding | undefined {
  // `function f(this: T)` is types only.
  if (name === 'this') return undefined;
  const known = scope.bindings.get(name);
  if (known !== undefined) {
    known.declarations++;
    known.initial = undefined;
    if (kind === 'function') {
      known.kind = kind;
      known.node = node;
    }
    return known;
  }
  const binding: Binding = { name, kind, node, scope, origin, initial: undefined, declarations: 1, writes: 0 };
  scope.bindings.set(name, binding);
  return binding;
}

/** @param init the value that the whole pattern takes apart, when it is written beside it. */
export function declarePattern(
  scope: Scope,
  pattern: Node,
  kind: BindingKind,
  init?: Expression | null,
  path: readonly string[] | undefined = [],
): void {
  switch (pattern.type) {
    case 'Identifier': {
      const binding = declare(scope, pattern.name, kind, pattern);
      if (binding?.declarations === 1 && init && path !== undefined) binding.initial = { init, path };
      return;
    }
    case 'ObjectPattern':
      for (const property of pattern.properties) {
        if (property.type === 'RestElement') declarePattern(scope, property.argument, kind);
        else {
          const key = property.computed || property.key.type !== 'Identifier' ? undefined : property.key.name;
          const inner = key === undefined || path === undefined ? undefined : [...path, key];
          declarePattern(scope, property.value, kind, inner === undefined ? undefined : init, inner);
        }
      }
      return;
    case 'ArrayPattern':
      for (const element of pattern.elements) if (element !== null) declarePattern(scope, element, kind);
      return;
    case 'AssignmentPattern':
      declarePattern(scope, pattern.left, kind);
      return;
    case 'RestElement':
      declarePattern(scope, pattern.argument, kind);
      return;
    case 'TSParameterProperty':
      declarePattern(scope, pattern.parameter, kind);
      return;
    default:
      return;
  }
}

/** What a statement list declares before its first statement runs: everything but `var`. */
export function hoistStatements(scope: Scope, statements: readonly Node[]): void {
  for (const outer of statements) {
    const exported = outer.type === 'ExportNamedDeclaration' || outer.type === 'ExportDefaultDeclaration';
    let statement: Node = exported ? (outer.declaration ?? outer) : outer;
    while (statement.type === 'LabeledStatement') statement = statement.body;
    switch (statement.type) {
      case 'VariableDeclaration':
        if (statement.kind === 'var') break;
        for (const { id, init } of statement.declarations) {
          declarePattern(
            scope,
            id,
            statement.kind.includes('using') ? 'using' : (statement.kind as 'let' | 'const'),
            init,
          );
        }
        break;
      case 'FunctionDeclaration':
      case 'TSDeclareFunction':
        if (!statement.id) break;
        declare(scope, statement.id.name, 'function', statement);
        if (isAnnexB(scope, statement, statement.id.name))
          declare(varScope(scope), statement.id.name, 'function', statement);
        break;
      case 'ClassDeclaration':
        if (statement.id) declare(scope, statement.id.name, 'class', statement);
        break;
      case 'TSEnumDeclaration':
        declare(scope, statement.id.name, 'enum', statement);
        break;
      case 'TSModuleDeclaration': {
        // `namespace A.B` declares A; `declare module 'x'` and `declare global` declare nothing here.
        let id: Node = statement.id;
        while (id.type === 'TSQualifiedName') id = id.left;
        if (id.type === 'Identifier' && statement.kind !== 'global') declare(scope, id.name, 'namespace', statement);
        break;
      }
      case 'TSImportEqualsDeclaration':
        declare(scope, statement.id.name, 'import', statement, importEqualsOrigin(statement));
        break;
      case 'ImportDeclaration':
        for (const specifier of statement.specifiers) {
          declare(scope, specifier.local.name, 'import', specifier, importOrigin(specifier, statement));
        }
        break;
      default:
        break;
    }
  }
}

/** Finds `var` in a statement and everything nested in it, stopping at functions and classes. */
export function hoistVars(scope: Scope, node: Node | null): void {
  if (node === null) return;
  switch (node.type) {
    case 'VariableDeclaration':
      if (node.kind === 'var') for (const { id, init } of node.declarations) declarePattern(scope, id, 'var', init);
      return;
    case 'BlockStatement':
      for (const each of node.body) hoistVars(scope, each);
      return;
    case 'IfStatement':
      hoistVars(scope, node.consequent);
      hoistVars(scope, node.alternate);
      return;
    case 'ForStatement':
      hoistVars(scope, node.init);
      hoistVars(scope, node.body);
      return;
    case 'ForInStatement':
    case 'ForOfStatement':
      hoistVars(scope, node.left);
      hoistVars(scope, node.body);
      return;
    case 'WhileStatement':
    case 'DoWhileStatement':
    case 'LabeledStatement':
    case 'WithStatement':
      hoistVars(scope, node.body);
      return;
    case 'TryStatement':
      hoistVars(scope, node.block);
      hoistVars(scope, node.handler?.body ?? null);
      hoistVars(scope, node.finalizer);
      return;
    case 'SwitchStatement':
      for (const { consequent } of node.cases) for (const each of consequent) hoistVars(scope, each);
      return;
    case 'ExportNamedDeclaration':
      hoistVars(scope, node.declaration);
      return;
    default:
      return;
  }
}

/** Makes what one block of a namespace exports visible in its other blocks. */
export function mergeExports(scope: Scope, statements: readonly Node[]): void {
  for (const statement of statements) {
    if (statement.type !== 'ExportNamedDeclaration' || statement.declaration === null) continue;
    const { declaration } = statement;
    const declared = createScope(undefined, 'namespace', statement);
    hoistStatements(declared, [statement]);
    hoistVars(declared, statement);
    for (const name of declared.bindings.keys()) {
      const binding = scope.bindings.get(name);
      if (binding !== undefined) scope.merged?.bindings.set(name, binding);
      if (declaration.type === 'TSModuleDeclaration' && scope.merged !== undefined)
        scope.namespaces.set(name, exportsOf(scope.merged, name));
    }
  }
}

/**
 * Annex B: in sloppy code a function in a block is a `var` of the function around it, too; a plain function only, and not
 * where that `var` would be an error or a parameter has the name.
 */
function isAnnexB(scope: Scope, fn: Node, name: string): boolean {
  if (scope.strict || holdsVars(scope)) return false;
  if (fn.type !== 'FunctionDeclaration' || fn.async || fn.generator) return false;
  for (const each of outwards(scope)) {
    const known = each === scope ? undefined : each.bindings.get(name);
    if (holdsVars(each)) {
      const parameter = each.kind === 'function' ? each.parent?.bindings.get(name) : undefined;
      return parameter === undefined && !isLexical(known, each);
    }
    if (isLexical(known, each)) return false;
  }
  return true;
}

/** Whether `var` of the same name would be an error: not beside another `var`, a function of a function's body, or the name in `catch (name)`. */
function isLexical(binding: Binding | undefined, { node }: Scope): boolean {
  if (binding === undefined || binding.kind === 'var') return false;
  if (binding.kind === 'function') return !holdsVars(binding.scope);
  return !(binding.kind === 'catch' && node.type === 'CatchClause' && node.param === binding.node);
}

type ImportDeclaration = Extract<Node, { type: 'ImportDeclaration' }>;
type ImportEquals = Extract<Node, { type: 'TSImportEqualsDeclaration' }>;

function importOrigin(specifier: ImportDeclaration['specifiers'][number], statement: ImportDeclaration): ImportOrigin {
  const source = statement.source.value;
  const typeOnly = statement.importKind === 'type';
  if (specifier.type === 'ImportDefaultSpecifier') return { source, imported: 'default', typeOnly, whole: false };
  if (specifier.type === 'ImportNamespaceSpecifier') return { source, imported: '*', typeOnly, whole: false };
  const { imported } = specifier;
  const name = imported.type === 'Literal' ? imported.value : imported.name;
  return { source, imported: name, typeOnly: typeOnly || specifier.importKind === 'type', whole: false };
}

function importEqualsOrigin(statement: ImportEquals): ImportOrigin | undefined {
  const { moduleReference, importKind } = statement;
  if (moduleReference.type !== 'TSExternalModuleReference') return undefined;
  return { source: moduleReference.expression.value, imported: '*', typeOnly: importKind === 'type', whole: true };
}
