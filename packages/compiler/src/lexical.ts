/** What a function takes from around it without naming a variable: `this`, `super`, `arguments`, private names, `eval`. */
import type { Class, Node } from 'oxc-parser';
import { type FunctionLiteral, runningChildren } from './ast.ts';
import {
  capturesArguments,
  capturesSuper,
  capturesThis,
  type Report,
  usesEval,
  usesNewTarget,
  usesPrivateName,
  usesWith,
} from './problems.ts';
import { outwards, type Scope } from './scope/scope.ts';

/** @param scope where the call stands. */
export function checkLexical(fn: FunctionLiteral, scope: Scope, report: Report): void {
  const arrow = fn.type === 'ArrowFunctionExpression';
  const privateNames: ReadonlySet<string>[] = [];
  for (const { kind } of outwards(scope)) if (kind === 'with') report(usesWith(fn));
  for (const part of [...fn.params, fn.body]) if (part !== null) walk(part, false);

  /** @param own inside a function or class member of the closure, which has a `this` of its own. */
  function walk(node: Node, own: boolean): void {
    switch (node.type) {
      case 'ThisExpression':
        if (!own) report(capturesThis(node, arrow));
        return;
      case 'JSXIdentifier':
        if (node.name === 'this' && !own) report(capturesThis(node, arrow));
        return;
      case 'Super':
        if (!own) report(capturesSuper(node));
        return;
      case 'Identifier':
        if (node.name === 'arguments' && !own && arrow) report(capturesArguments(node));
        return;
      case 'MetaProperty':
        if (node.meta.name === 'new' && !own) report(usesNewTarget(node));
        return;
      case 'PrivateIdentifier':
        if (!privateNames.some((names) => names.has(node.name))) report(usesPrivateName(node, node.name));
        return;
      case 'WithStatement':
        report(usesWith(node));
        break;
      case 'CallExpression':
        // `eval?.(…)` is an indirect eval, which sees globals only.
        if (node.callee.type === 'Identifier' && node.callee.name === 'eval' && !node.optional) report(usesEval(node));
        break;
      case 'MemberExpression':
        walk(node.object, own);
        if (node.computed || node.property.type === 'PrivateIdentifier') walk(node.property, own);
        return;
      case 'Property':
        if (node.computed) walk(node.key, own);
        walk(node.value, own);
        return;
      case 'FunctionDeclaration':
      case 'FunctionExpression':
        for (const part of [...node.params, node.body]) if (part !== null) walk(part, true);
        return;
      case 'ClassDeclaration':
      case 'ClassExpression':
        walkClass(node, own);
        return;
      case 'LabeledStatement':
        walk(node.body, own);
        return;
      case 'BreakStatement':
      case 'ContinueStatement':
        return;
      case 'JSXAttribute':
        if (node.value) walk(node.value, own);
        return;
      default:
        break;
    }
    for (const child of runningChildren(node)) walk(child, own);
  }

  function walkClass(node: Class, own: boolean): void {
    for (const decorator of node.decorators) walk(decorator, own);
    if (node.superClass) walk(node.superClass, own);
    const names = new Set<string>();
    for (const member of node.body.body) {
      if ('key' in member && member.key.type === 'PrivateIdentifier') names.add(member.key.name);
    }
    privateNames.push(names);
    for (const member of node.body.body) {
      if (member.type === 'StaticBlock') for (const statement of member.body) walk(statement, true);
      if (!('key' in member)) continue;
      for (const decorator of member.decorators) walk(decorator, own);
      if (member.computed) walk(member.key, own);
      if (member.value) walk(member.value, true);
    }
    privateNames.pop();
  }
}
