/** What opens several scopes at once: functions, classes, and TypeScript's enums and namespaces. */
import type { Class, Node } from 'oxc-parser';
import { type FunctionLiteral, isStrictBody, keyName } from '../ast.ts';
import { declare, declarePattern, mergeExports } from './declare.ts';
import { type createScope, exportsOf, type Scope, type ScopeKind } from './scope.ts';

/** How the walk goes on. All of it is planned, nothing done at once; see agenda.ts. */
export interface Walk {
  visit(node: Node | null): void;
  visitAll(nodes: readonly (Node | null)[]): void;
  /** The statements of a function, a module, a namespace. */
  visitBody(statements: readonly Node[]): void;
  visitPattern(pattern: Node): void;
  /** @param body is called in the new scope. */
  inScope(kind: ScopeKind, node: Node, body: () => void, own?: Parameters<typeof createScope>[3]): void;
  /** What is visited in `body` is the value of something with these names. */
  assignedTo(names: readonly string[], body: () => void): void;
  inferName(value: Node | null, name: string | undefined): void;
  scope(): Scope;
}

type EnumDeclaration = Extract<Node, { type: 'TSEnumDeclaration' }>;
type NamespaceDeclaration = Extract<Node, { type: 'TSModuleDeclaration' }>;

export function visitFunction(walk: Walk, node: FunctionLiteral): void {
  const { id, body } = node;
  const strict = body?.type === 'BlockStatement' && isStrictBody(body);
  const bodyOnly = (): void => {
    if (body?.type === 'BlockStatement') walk.visitBody(body.body);
    else walk.visit(body);
  };
  const parametersAndBody = (): void =>
    walk.inScope(
      'params',
      node,
      () => {
        for (const parameter of node.params) declarePattern(walk.scope(), parameter, 'param');
        for (const parameter of node.params) walk.visitPattern(parameter);
        if (body !== null) walk.inScope('function', node, bodyOnly);
      },
      { strict },
    );
  if (node.type !== 'FunctionExpression' || id === null) {
    parametersAndBody();
    return;
  }
  walk.inScope('function-name', node, () => {
    declare(walk.scope(), id.name, 'function-name', node);
    parametersAndBody();
  });
}

export function visitClass(walk: Walk, node: Class): void {
  walk.visitAll(node.decorators);
  walk.inScope('class', node, () => {
    if (node.id) declare(walk.scope(), node.id.name, 'class-name', node);
    walk.visit(node.superClass);
    for (const member of node.body.body) {
      if (member.type === 'StaticBlock') {
        walk.inScope('static-block', member, () => walk.visitBody(member.body));
        continue;
      }
      if (member.type === 'TSIndexSignature') continue;
      walk.visitAll(member.decorators);
      if (member.computed) walk.visit(member.key);
      const name = keyName(member);
      walk.inferName(member.value, name);
      walk.assignedTo(name === undefined ? [] : [name], () => walk.visit(member.value));
    }
  });
}

export function visitEnum(walk: Walk, node: EnumDeclaration): void {
  const { members } = node.body;
  const merged = exportsOf(walk.scope(), `enum ${node.id.name}`);
  walk.inScope(
    'enum',
    node,
    () => {
      for (const member of members) {
        if (member.id.type === 'TemplateLiteral') continue;
        const name = member.id.type === 'Identifier' ? member.id.name : member.id.value;
        const binding = declare(walk.scope(), name, 'enum-member', member);
        if (binding !== undefined) merged.bindings.set(name, binding);
      }
      for (const { initializer } of members) walk.visit(initializer);
    },
    { merged },
  );
}

/** `namespace A.B` is a block of A that exports a block of B. */
export function visitNamespace(walk: Walk, node: NamespaceDeclaration, statements: readonly Node[]): void {
  const names: string[] = [];
  let id: Node = node.id;
  for (; id.type === 'TSQualifiedName'; id = id.left) names.unshift(id.right.name);
  if (id.type === 'Identifier') names.unshift(id.name);
  const enter = ([name, next, ...deeper]: readonly string[]): void => {
    const merged = name === undefined ? undefined : exportsOf(walk.scope(), name);
    walk.inScope(
      'namespace',
      node,
      () => {
        const scope = walk.scope();
        if (next === undefined) {
          walk.visitBody(statements);
          mergeExports(scope, statements);
          return;
        }
        const binding = declare(scope, next, 'namespace', node);
        if (binding !== undefined) merged?.bindings.set(next, binding);
        if (merged !== undefined) scope.namespaces.set(next, exportsOf(merged, next));
        enter([next, ...deeper]);
      },
      { merged },
    );
  };
  enter(names);
}
