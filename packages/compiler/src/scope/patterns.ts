/** Walks the two kinds of pattern: what declares names, and what assigns to them. */
import type { Node } from 'oxc-parser';
import { isTypeWrapper } from '../ast.ts';

type Visit = (node: Node) => void;
type Identifier = Extract<Node, { type: 'Identifier' }>;

/** Visits what runs inside a declaring pattern: default values, computed keys, decorators of parameters. */
export function visitPattern(pattern: Node | null, visit: Visit): void {
  if (pattern === null) return;
  if ('decorators' in pattern && pattern.decorators) for (const decorator of pattern.decorators) visit(decorator);
  switch (pattern.type) {
    case 'ObjectPattern':
      for (const property of pattern.properties) {
        if (property.type === 'RestElement') visitPattern(property.argument, visit);
        else {
          if (property.computed) visit(property.key);
          visitPattern(property.value, visit);
        }
      }
      break;
    case 'ArrayPattern':
      for (const element of pattern.elements) visitPattern(element, visit);
      break;
    case 'AssignmentPattern':
      visitPattern(pattern.left, visit);
      visit(pattern.right);
      break;
    case 'RestElement':
      visitPattern(pattern.argument, visit);
      break;
    case 'TSParameterProperty':
      visitPattern(pattern.parameter, visit);
      break;
    default:
      break;
  }
}

export interface TargetVisitor {
  readonly visit: Visit;
  readonly refer: (node: Identifier, access: 'write' | 'update') => void;
}

/** Visits what is assigned to: names in it are written, everything else in it is evaluated. */
export function visitTarget(node: Node | null, access: 'write' | 'update', visitor: TargetVisitor): void {
  if (node === null) return;
  switch (node.type) {
    case 'Identifier':
      visitor.refer(node, access);
      break;
    case 'ObjectPattern':
      for (const property of node.properties) {
        if (property.type === 'RestElement') visitTarget(property.argument, 'write', visitor);
        else {
          if (property.computed) visitor.visit(property.key);
          visitTarget(property.value, 'write', visitor);
        }
      }
      break;
    case 'ArrayPattern':
      for (const element of node.elements) visitTarget(element, 'write', visitor);
      break;
    case 'AssignmentPattern':
      visitTarget(node.left, 'write', visitor);
      visitor.visit(node.right);
      break;
    case 'RestElement':
      visitTarget(node.argument, 'write', visitor);
      break;
    default:
      if (node.type === 'ParenthesizedExpression' || isTypeWrapper(node)) {
        visitTarget(node.expression, access, visitor);
      } else visitor.visit(node);
  }
}
