/**
 * Scope analysis of TypeScript and JavaScript: which name means which declaration, and who assigns to it. One pass collects
 * scopes and references; bindings are looked up at the end, when everything is hoisted. Types are not references.
 */
import type { CallExpression, Class, Expression, Node, Program } from 'oxc-parser';
import { elementVariable, type FunctionLiteral, isTypeWrapper, keyName, runningChildren, unwrap } from '../ast.ts';
import { noteCommonjsExport, targetNames } from './assigned.ts';
import { declare, declarePattern, hoistStatements, hoistVars } from './declare.ts';
import { visitPattern as patternOf, visitTarget as targetOf } from './patterns.ts';
import { type Binding, createScope, lookup, type Scope, type ScopeKind } from './scope.ts';

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
  /** Variable and property names that the result is assigned to: `tasks.resize`; empty when there are none. */
  readonly assignedTo: string;
}

export interface Analysis {
  readonly root: Scope;
  readonly references: readonly Reference[];
  readonly calls: readonly CallSite[];
  /** Names of functions and classes that have none of their own, from the variable or property that holds them. */
  readonly inferredNames: ReadonlyMap<Node, string>;
  /** `exports.x = …` of CommonJS, as other compilers write `export const x`. */
  readonly commonjsExports: ReadonlyMap<string, Expression>;
  /** Every name that is declared or mentioned anywhere. */
  readonly names: ReadonlySet<string>;
}

type Found = Omit<Reference, 'binding'>;

/** @param strict ES modules are; CommonJS is taken as sloppy, which only adds bindings that strict code cannot observe. */
export function analyze(program: Program, { strict }: { readonly strict: boolean }): Analysis {
  const root = createScope(undefined, 'module', program);
  const found: Found[] = [];
  const calls: CallSite[] = [];
  const inferredNames = new Map<Node, string>();
  const commonjsExports = new Map<string, Expression>();
  const scopes = [root];
  let scope = root;
  let target: readonly string[] = [];

  const inScope = (kind: ScopeKind, node: Node, body: () => void): void => {
    const outer = scope;
    scope = createScope(outer, kind, node);
    scopes.push(scope);
    body();
    scope = outer;
  };
  const assignedTo = (names: readonly string[], body: () => void): void => {
    const outer = target;
    target = names;
    body();
    target = outer;
  };
  const refer = (node: Node & { readonly name: string }, access: 'read' | 'write' | 'update' = 'read'): void => {
    found.push({ node, name: node.name, scope, reads: access !== 'write', writes: access !== 'read' });
  };
  const inferName = (value: Node | null, name: string | undefined): void => {
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
    hoistStatements(scope, statements, strict);
    visitAll(statements);
  };

  visitBody(program.body);
  const references = found.map((each): Reference => {
    const binding = lookup(each.scope, each.name);
    if (binding !== undefined && each.writes) binding.writes++;
    return { ...each, binding };
  });
  const names = new Set(found.map(({ name }) => name));
  for (const { bindings } of scopes) for (const name of bindings.keys()) names.add(name);
  return { root, references, calls, inferredNames, commonjsExports, names };

  function visit(node: Node | null): void {
    if (node === null) return;
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
        calls.push({ node, scope, assignedTo: target.join('.') });
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
        assignedTo([], () => visitFunction(node));
        return;
      case 'ClassDeclaration':
      case 'ClassExpression':
        visitClass(node);
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
          hoistStatements(scope, node.body, strict);
          visitAll(node.body);
        });
        return;
      case 'ForStatement':
        inScope('block', node, () => {
          if (node.init?.type === 'VariableDeclaration') hoistStatements(scope, [node.init], strict);
          visitAll([node.init, node.test, node.update, node.body]);
        });
        return;
      case 'ForInStatement':
      case 'ForOfStatement':
        inScope('block', node, () => {
          if (node.left.type === 'VariableDeclaration') {
            hoistStatements(scope, [node.left], strict);
            visit(node.left);
          } else visitTarget(node.left, 'write');
          visitAll([node.right, node.body]);
        });
        return;
      case 'SwitchStatement':
        visit(node.discriminant);
        inScope('block', node, () => {
          const statements = node.cases.flatMap(({ consequent }) => consequent);
          hoistStatements(scope, statements, strict);
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
        if (node.declare) return;
        inScope('enum', node, () => {
          for (const member of node.body.members) {
            if (member.id.type === 'TemplateLiteral') continue;
            const name = member.id.type === 'Identifier' ? member.id.name : member.id.value;
            declare(scope, name, 'enum-member', member);
          }
          for (const { initializer } of node.body.members) visit(initializer);
        });
        return;
      case 'TSModuleDeclaration': {
        const { body, declare: ambient } = node;
        if (ambient || body === null) return;
        inScope('namespace', node, () => visitBody(body.body));
        return;
      }
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

  function visitFunction(node: FunctionLiteral): void {
    const parametersAndBody = (): void =>
      inScope('params', node, () => {
        for (const parameter of node.params) declarePattern(scope, parameter, 'param');
        for (const parameter of node.params) visitPattern(parameter);
        const { body } = node;
        if (body === null) return;
        inScope('function', node, () => (body.type === 'BlockStatement' ? visitBody(body.body) : visit(body)));
      });
    const { id } = node;
    if (node.type !== 'FunctionExpression' || id === null) {
      parametersAndBody();
      return;
    }
    inScope('function-name', node, () => {
      declare(scope, id.name, 'function-name', node);
      parametersAndBody();
    });
  }

  function visitClass(node: Class): void {
    visitAll(node.decorators);
    inScope('class', node, () => {
      if (node.id) declare(scope, node.id.name, 'class-name', node);
      visit(node.superClass);
      for (const member of node.body.body) {
        if (member.type === 'StaticBlock') {
          inScope('static-block', member, () => visitBody(member.body));
          continue;
        }
        if (member.type === 'TSIndexSignature') continue;
        visitAll(member.decorators);
        if (member.computed) visit(member.key);
        const name = keyName(member);
        inferName(member.value, name);
        assignedTo(name === undefined ? [] : [name], () => visit(member.value));
      }
    });
  }

  function visitElementName(name: Node): void {
    const variable = elementVariable(name);
    if (variable !== undefined) refer(variable);
  }
}
