/** Small questions about syntax nodes, and the one place that walks them without knowing their type. */
import {
  type ArrowFunctionExpression,
  type Expression,
  type Function as FunctionNode,
  type JSXIdentifier,
  type Node,
  visitorKeys,
} from 'oxc-parser';

export type FunctionLiteral = ArrowFunctionExpression | FunctionNode;

/** Fields that hold types only. What stands in them never runs, so it is neither a reference nor part of a body's meaning. */
export const TYPE_FIELDS: ReadonlySet<string> = new Set([
  'typeAnnotation',
  'returnType',
  'typeParameters',
  'typeArguments',
  'superTypeArguments',
  'implements',
]);

/** TypeScript nodes around a running expression; every other `TS…` node inside an expression is types only. */
const TYPE_WRAPPERS: ReadonlySet<string> = new Set([
  'TSAsExpression',
  'TSSatisfiesExpression',
  'TSNonNullExpression',
  'TSTypeAssertion',
  'TSInstantiationExpression',
]);

type Wrapped = Extract<Node, { type: 'ParenthesizedExpression' | `TS${string}`; expression: Expression }>;

export const isTypeWrapper = (node: Node): node is Wrapped => TYPE_WRAPPERS.has(node.type);

/** Takes parentheses and type assertions off. */
export function unwrap(node: Node): Node {
  let inner = node;
  while (inner.type === 'ParenthesizedExpression' || isTypeWrapper(inner)) inner = inner.expression;
  return inner;
}

export const isFunctionLiteral = (node: Node): node is FunctionLiteral =>
  node.type === 'ArrowFunctionExpression' || node.type === 'FunctionExpression';

/** Whether a function's body or a file begins with `'use strict'`. */
export function isStrictBody({ body }: { readonly body: readonly Node[] }): boolean {
  for (const statement of body) {
    if (statement.type !== 'ExpressionStatement' || typeof statement.directive !== 'string') return false;
    if (statement.directive === 'use strict') return true;
  }
  return false;
}

export const isWithin = (node: Node, outer: Node): boolean => node.start >= outer.start && node.end <= outer.end;

/** @param sorted by where they begin. @returns those that stand within a node. */
export function within<T extends { readonly node: Node }>(sorted: readonly T[], outer: Node): readonly T[] {
  const firstFrom = (offset: number): number => {
    let low = 0;
    for (let high = sorted.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if ((sorted[middle] as T).node.start < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return sorted.slice(firstFrom(outer.start), firstFrom(outer.end));
}

/** Child nodes that run, in source order: types, and statements that exist only for the type checker, are left out. */
export function runningChildren(node: Node): Node[] {
  if (node.type.startsWith('TS') && !isTypeWrapper(node) && !RUNNING_TS.has(node.type)) return [];
  const children: Node[] = [];
  for (const key of visitorKeys[node.type] ?? []) {
    if (TYPE_FIELDS.has(key)) continue;
    const value: unknown = (node as unknown as Record<string, unknown>)[key];
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) children.push(child);
  }
  return children;
}

/** Whether an identifier stands anywhere in a node, as a variable or as a member. */
export function mentions(node: Node, name: string): boolean {
  const waiting = [node];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (next.type === 'Identifier' && next.name === name) return true;
    waiting.push(...runningChildren(next));
  }
  return false;
}

/** TypeScript's own statements that compile to code. */
const RUNNING_TS: ReadonlySet<string> = new Set([
  'TSEnumDeclaration',
  'TSEnumBody',
  'TSEnumMember',
  'TSModuleDeclaration',
  'TSModuleBlock',
  'TSExportAssignment',
  'TSParameterProperty',
]);

export const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';

/** Name of a property or class member as written; `undefined` when it is computed. */
export function keyName(member: { readonly key: Node; readonly computed: boolean }): string | undefined {
  const { key, computed } = member;
  if (key.type === 'PrivateIdentifier') return `#${key.name}`;
  if (computed) return undefined;
  if (key.type === 'Identifier') return key.name;
  return key.type === 'Literal' && typeof key.value !== 'object' ? String(key.value) : undefined;
}

/** What the name of an element refers to: `<Local/>` and `<local.Part/>` mean variables, `<div/>` does not. */
export const elementVariable = (name: Node): JSXIdentifier | undefined => {
  let base = name;
  while (base.type === 'JSXMemberExpression') base = base.object;
  if (base.type !== 'JSXIdentifier' || base.name === 'this') return undefined;
  return base !== name || !/^[a-z]/.test(base.name) ? base : undefined;
};
