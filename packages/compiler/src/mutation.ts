/** Finds changes in place to captured objects: legal, and silently lost on the other machine. */
import type { Node } from 'oxc-parser';
import { type FunctionLiteral, runningChildren, unwrap } from './ast.ts';
import { mutatesCaptured, type Report } from './problems.ts';
import type { Reference } from './scope/analyze.ts';

/** Methods that change their receiver, of the types that can be shipped. Names that other types use for reading are left out. */
const MUTATORS: ReadonlySet<string> = new Set([
  'push',
  'pop',
  'shift',
  'unshift',
  'splice',
  'sort',
  'reverse',
  'fill',
  'copyWithin',
  'set',
  'add',
  'delete',
  'clear',
  'append',
  'setTime',
  'setFullYear',
]);

/** Only direct changes are seen: `copy = captured; copy.x = 1` is not. */
export function checkMutation(fn: FunctionLiteral, captured: readonly Reference[], report: Report): void {
  if (captured.length === 0) return;
  const nodes = new Map(captured.map(({ node, name }) => [node, name]));
  walk(fn);

  function walk(node: Node): void {
    const target = changedBy(node);
    const name = target && nodes.get(target);
    if (name !== undefined) report(mutatesCaptured(node, name));
    for (const child of runningChildren(node)) walk(child);
  }
}

/** @returns the variable at the root of what a node changes: `a` for `a.b[c] = 1`. */
function changedBy(node: Node): Node | undefined {
  switch (node.type) {
    case 'AssignmentExpression':
      return rootOfMember(node.left);
    case 'UpdateExpression':
      return rootOfMember(node.argument);
    case 'UnaryExpression':
      return node.operator === 'delete' ? rootOfMember(node.argument) : undefined;
    case 'CallExpression': {
      const callee = unwrap(node.callee);
      if (callee.type !== 'MemberExpression' || callee.computed || !MUTATORS.has(callee.property.name))
        return undefined;
      return rootOf(callee.object);
    }
    default:
      return undefined;
  }
}

function rootOfMember(node: Node): Node | undefined {
  let target = unwrap(node);
  if (target.type === 'ChainExpression') target = target.expression;
  return target.type === 'MemberExpression' ? rootOf(target) : undefined;
}

function rootOf(node: Node): Node {
  let root = unwrap(node);
  while (root.type === 'MemberExpression' || root.type === 'ChainExpression') {
    root = unwrap(root.type === 'MemberExpression' ? root.object : root.expression);
  }
  return root;
}
