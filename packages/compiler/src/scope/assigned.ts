/** Names on the left of an assignment. */
import type { Expression, Node } from 'oxc-parser';
import { unwrap } from '../ast.ts';

/** @returns the name that an assignment gives its value: `x` for `x = …` and for `a.x = …`; empty when there is none. */
export function targetNames(node: Node): readonly string[] {
  if (node.type === 'Identifier') return [node.name];
  if (node.type !== 'MemberExpression' || node.computed) return [];
  return [node.property.name];
}

/** Keeps `exports.x = value` and `module.exports.x = value`: so other compilers write `export const x = value`. */
export function noteCommonjsExport(exports: Map<string, Expression>, left: Node, right: Expression): void {
  const [name] = targetNames(left);
  if (name === undefined || left.type !== 'MemberExpression') return;
  const [object] = targetNames(unwrap(left.object));
  if (object === 'exports') exports.set(name, right);
}
