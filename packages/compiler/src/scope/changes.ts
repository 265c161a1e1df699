/** What changes an object in place: `a.b = 1`, `a.b++`, `delete a[0]`, `a.push(1)`, `Object.assign(a, …)`. */
import type { Node } from 'oxc-parser';
import { unwrap } from '../ast.ts';

export interface Change {
  readonly node: Node;
  /** The identifier at the root of what is changed: `a` for `a.b[c] = 1`. */
  readonly target: Node;
  /** Names of the members between the root and what is changed; `undefined` where a name is computed. */
  readonly path: readonly (string | undefined)[];
  /** By a method that changes its receiver, if the receiver is what it looks like. */
  readonly byMethod: boolean;
}

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

/** Functions of `Object` and `Reflect` that change their first argument. */
const CHANGERS: ReadonlySet<string> = new Set([
  'assign',
  'defineProperty',
  'defineProperties',
  'deleteProperty',
  'set',
  'setPrototypeOf',
]);

/** Only direct changes are seen: `copy = captured; copy.x = 1` is not. */
export function changeOf(node: Node): Change | undefined {
  switch (node.type) {
    case 'AssignmentExpression':
      return changeOfMember(node, node.left);
    case 'UpdateExpression':
      return changeOfMember(node, node.argument);
    case 'UnaryExpression':
      return node.operator === 'delete' ? changeOfMember(node, node.argument) : undefined;
    case 'CallExpression': {
      const callee = unwrap(node.callee);
      if (callee.type !== 'MemberExpression' || callee.computed) return undefined;
      const { name } = callee.property;
      const [first] = node.arguments;
      if (isChanger(callee.object) && CHANGERS.has(name) && first !== undefined) return change(node, first, false);
      return MUTATORS.has(name) ? change(node, callee.object, true) : undefined;
    }
    default:
      return undefined;
  }
}

const isChanger = (object: Node): boolean =>
  object.type === 'Identifier' && (object.name === 'Object' || object.name === 'Reflect');

function changeOfMember(node: Node, changed: Node): Change | undefined {
  let target = unwrap(changed);
  if (target.type === 'ChainExpression') target = target.expression;
  return target.type === 'MemberExpression' ? change(node, target.object, false) : undefined;
}

function change(node: Node, changed: Node, byMethod: boolean): Change | undefined {
  const path: (string | undefined)[] = [];
  let target = unwrap(changed);
  while (target.type === 'MemberExpression' || target.type === 'ChainExpression') {
    if (target.type === 'MemberExpression') {
      const { property, computed } = target;
      path.unshift(!computed && property.type === 'Identifier' ? property.name : undefined);
      target = unwrap(target.object);
    } else target = unwrap(target.expression);
  }
  return target.type === 'Identifier' ? { node, target, path, byMethod } : undefined;
}
