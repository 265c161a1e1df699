/**
 * Scope analysis of TypeScript and JavaScript: which name means which declaration, and who assigns to it. One pass collects
 * scopes and references; bindings are looked up at the end, when everything is hoisted. Types are not references.
 */
import type { CallExpression, Expression, Node, Program } from 'oxc-parser';
import { elementVariable, isStrictBody, isTypeWrapper, keyName, mentions, runningChildren, unwrap } from '../ast.ts';
import { createAgenda } from './agenda.ts';
import { noteCommonjsExport, targetNames } from './assigned.ts';
import { type Change, changeOf } from './changes.ts';
import { declarePattern, hoistStatements, hoistVars } from './declare.ts';
import { visitPattern as patternOf, visitTarget as targetOf } from './patterns.ts';
import { type Binding, createScope, declaringScope, isInFunction, lookup, type Scope } from './scope.ts';
import { visitClass, visitEnum, visitFunction, visitNamespace, type Walk } from './structures.ts';

export interface Reference {
  /** The identifier, in code or in JSX. */
  readonly node: Node;
  readonly name: string;
  readonly scope: Scope;
  readonly reads: boolean;
  readonly writes: boolean;
  /** `undefined` for globals. */
  readonly binding: Binding | undefined;
}

export interface CallSite {
  readonly node: CallExpression;
  readonly scope: Scope;
  /** Variable and property names that the result is assigned to: `tasks`, `resize`; empty when there are none. */
  readonly assignedTo: readonly string[];
}

export interface Analysis {
  readonly root: Scope;
  /** In the order of the source. */
  readonly references: readonly Reference[];
  /** What is changed in place, in the order of the source. */
  readonly changes: readonly Change[];
  /** What runs as the module loads, and not on every machine: the branches of `if (flame.isRunner)`. */
  readonly callerBranches: readonly Node[];
  readonly calls: readonly CallSite[];
  /** Names of functions and classes that have none of their own, from the variable or property that holds them. */
  readonly inferredNames: ReadonlyMap<Node, string>;
  /** `exports.x = …` of CommonJS, as other compilers write `export const x`. */
  readonly commonjsExports: ReadonlyMap<string, Expression>;
  /** Every name that is declared or mentioned anywhere. */
  readonly names: ReadonlySet<string>;
}

type Found = Omit<Reference, 'binding'>;

/** @param strict ES modules are; elsewhere code is sloppy until a class or a directive says otherwise. */
export function analyze(program: Program, { strict }: { readonly strict: boolean }): Analysis {
  const root = createScope(undefined, 'module', program, { strict: strict || isStrictBody(program) });
  const found: Found[] = [];
  const calls: CallSite[] = [];
  const changes: Change[] = [];
  const callerBranches: Node[] = [];
  const inferredNames = new Map<Node, string>();
  const commonjsExports = new Map<string, Expression>();
  const scopes = [root];
  let scope = root;
  let target: readonly string[] = [];

  // Nothing here calls itself: an expression of ten thousand terms is as deep as it is long, and Node runs it.
  const { later, run } = createAgenda();
  const visit = (node: Node | null): void => {
    if (node !== null) later(() => visitNow(node));
  };
  const inScope: Walk['inScope'] = (kind, node, body, own = {}) =>
    later(() => {
      const outer = scope;
      scope = createScope(outer, kind, node, own);
      scopes.push(scope);
      body();
      later(() => {
        scope = outer;
      });
    });
  const assignedTo: Walk['assignedTo'] = (names, body) =>
    later(() => {
      const outer = target;
      target = names;
      body();
      later(() => {
        target = outer;
      });
    });
  const refer = (node: Node & { readonly name: string }, access: 'read' | 'write' | 'update' = 'read'): void => {
    found.push({ node, name: node.name, scope, reads: access !== 'write', writes: access !== 'read' });
  };
  const inferName: Walk['inferName'] = (value, name) => {
    if (value === null || name === undefined) return;
    const { type } = unwrap(value);
    const nameable = type === 'ArrowFunctionExpression' || type === 'FunctionExpression' || type === 'ClassExpression';
    if (nameable) inferredNames.set(unwrap(value), name);
  };
  const visitPattern = (pattern: Node): void => patternOf(pattern, visit);
  const visitTarget = (node: Node, access: 'write' | 'update'): void => targetOf(node, access, { visit, refer });
  const visitAll = (nodes: readonly (Node | null)[]): void => {
    for (const each of nodes) visit(each);
  };
  const visitBody = (statements: readonly Node[]): void => {
    for (const each of statements) hoistVars(scope, each);
    hoistStatements(scope, statements);
    visitAll(statements);
  };

  const walk: Walk = { visit, visitAll, visitBody, visitPattern, inScope, assignedTo, inferName, scope: () => scope };
  visitBody(program.body);
  run();
  const bySource = (a: { readonly node: Node }, b: { readonly node: Node }): number => a.node.start - b.node.start;
  const references = found.sort(bySource).map((each): Reference => {
    const binding = lookup(each.scope, each.name);
    if (binding !== undefined && each.writes) binding.writes++;
    return { ...each, binding };
  });
  const names = new Set(found.map(({ name }) => name));
  for (const { bindings } of scopes) for (const name of bindings.keys()) names.add(name);
  return {
    root,
    references,
    changes: changes.sort(bySource),
    callerBranches,
    calls,
    inferredNames,
    commonjsExports,
    names,
  };

  function visitNow(node: Node): void {
    const change = changeOf(node);
    if (change !== undefined) changes.push(change);
    switch (node.type) {
      case 'Identifier':
        refer(node);
        return;
      case 'Literal':
      case 'MetaProperty':
      case 'BreakStatement':
      case 'ContinueStatement':
      case 'ImportDeclaration':
      case 'ExportAllDeclaration':
      case 'TSImportEqualsDeclaration':
        return;
      case 'MemberExpression':
        visit(node.object);
        if (node.computed) visit(node.property);
        return;
      case 'CallExpression':
        calls.push({ node, scope, assignedTo: target });
        // `eval?.(…)` is an indirect eval, which sees and declares globals only; in strict code it declares for itself.
        if (node.callee.type === 'Identifier' && node.callee.name === 'eval' && !node.optional && !scope.strict)
          declaringScope(scope).evals = true;
        visit(node.callee);
        visitAll(node.arguments);
        return;
      case 'Property': {
        const name = keyName(node);
        inferName(node.value, name);
        if (node.computed) visit(node.key);
        assignedTo(name === undefined ? target : [...target, name], () => visit(node.value));
        return;
      }
      case 'LabeledStatement':
        visit(node.body);
        return;
      case 'FunctionDeclaration':
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        assignedTo([], () => visitFunction(walk, node));
        return;
      case 'ClassDeclaration':
      case 'ClassExpression':
        visitClass(walk, node);
        return;
      case 'AssignmentExpression':
        noteCommonjsExport(commonjsExports, node.left, node.right);
        visitTarget(node.left, node.operator === '=' ? 'write' : 'update');
        assignedTo(targetNames(node.left), () => visit(node.right));
        return;
      case 'UpdateExpression':
        visitTarget(node.argument, 'update');
        return;
      case 'VariableDeclaration':
        if (node.declare === true) return;
        for (const { id, init } of node.declarations) {
          const name = id.type === 'Identifier' ? id.name : undefined;
          inferName(init, name);
          visitPattern(id);
          assignedTo(name === undefined ? [] : [name], () => visit(init));
        }
        return;
      case 'BlockStatement':
        inScope('block', node, () => {
          hoistStatements(scope, node.body);
          visitAll(node.body);
        });
        return;
      case 'IfStatement': {
        visit(node.test);
        const asksForRunner = !isInFunction(scope) && mentions(node.test, 'isRunner');
        // `if (x) function f() {}` is sloppy code's short form of a block.
        for (const branch of [node.consequent, node.alternate]) {
          if (branch !== null && asksForRunner) callerBranches.push(branch);
          if (branch?.type !== 'FunctionDeclaration') visit(branch);
          else
            inScope('block', branch, () => {
              hoistStatements(scope, [branch]);
              visit(branch);
            });
        }
        return;
      }
      case 'ForStatement':
        inScope('block', node, () => {
          if (node.init?.type === 'VariableDeclaration') hoistStatements(scope, [node.init]);
          visitAll([node.init, node.test, node.update, node.body]);
        });
        return;
      case 'ForInStatement':
      case 'ForOfStatement':
        inScope('block', node, () => {
          if (node.left.type === 'VariableDeclaration') {
            hoistStatements(scope, [node.left]);
            visit(node.left);
          } else visitTarget(node.left, 'write');
          visitAll([node.right, node.body]);
        });
        return;
      case 'SwitchStatement':
        visit(node.discriminant);
        inScope('block', node, () => {
          const statements = node.cases.flatMap(({ consequent }) => consequent);
          hoistStatements(scope, statements);
          for (const { test, consequent } of node.cases) visitAll([test, ...consequent]);
        });
        return;
      case 'CatchClause':
        inScope('block', node, () => {
          if (node.param) {
            declarePattern(scope, node.param, 'catch');
            visitPattern(node.param);
          }
          visit(node.body);
        });
        return;
      case 'WithStatement':
        visit(node.object);
        inScope('with', node, () => visit(node.body));
        return;
      case 'ExportNamedDeclaration':
        if (node.declaration) {
          visit(node.declaration);
          return;
        }
        if (node.source || node.exportKind === 'type') return;
        for (const { local, exportKind } of node.specifiers) {
          if (local.type === 'Identifier' && exportKind !== 'type') refer(local);
        }
        return;
      case 'ExportDefaultDeclaration':
        assignedTo(['default'], () => visit(node.declaration));
        return;
      case 'JSXElement':
        visitElementName(node.openingElement.name);
        visitAll(node.openingElement.attributes);
        visitAll(node.children);
        return;
      case 'JSXAttribute':
        visit(node.value);
        return;
      case 'TSEnumDeclaration':
        if (!node.declare) visitEnum(walk, node);
        return;
      case 'TSModuleDeclaration':
        if (!node.declare && node.body !== null) visitNamespace(walk, node, node.body.body);
        return;
      case 'TSParameterProperty':
        visit(node.parameter);
        return;
      case 'TSExportAssignment':
        visit(node.expression);
        return;
      default:
        if (isTypeWrapper(node)) {
          visit(node.expression);
          return;
        }
        visitAll(runningChildren(node));
        return;
    }
  }

  function visitElementName(name: Node): void {
    const variable = elementVariable(name);
    if (variable !== undefined) refer(variable);
  }
}
