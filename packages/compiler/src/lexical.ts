/** What a function takes from around it without naming a variable: `this`, `super`, `arguments`, private names, `eval`. */
import type { CallExpression, Class, Node } from 'oxc-parser';
import { type FunctionLiteral, runningChildren, unwrap } from './ast.ts';
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

/** What stands around a node, inside the closure. */
interface Context {
  /** Inside a function or class member of the closure, which has a `this` of its own. */
  readonly own: boolean;
  /** Private names of the classes around it. */
  readonly privateNames: ReadonlySet<string>;
}

/** @param scope where the call stands. */
export function checkLexical(fn: FunctionLiteral, scope: Scope, report: Report): void {
  const arrow = fn.type === 'ArrowFunctionExpression';
  for (const { kind } of outwards(scope)) if (kind === 'with') report(usesWith(fn));
  const waiting: (readonly [node: Node, context: Context])[] = [];
  const plan = (nodes: readonly (Node | null | undefined)[], context: Context): void => {
    for (const node of nodes) if (node) waiting.push([node, context]);
  };
  plan([...fn.params, fn.body], { own: false, privateNames: new Set() });
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) look(...next);

  function look(node: Node, context: Context): void {
    const { own } = context;
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
        if (!context.privateNames.has(node.name)) report(usesPrivateName(node, node.name));
        return;
      case 'WithStatement':
        report(usesWith(node));
        break;
      case 'CallExpression':
        // `eval?.(…)` is an indirect eval, which sees globals only.
        if (node.callee.type === 'Identifier' && node.callee.name === 'eval' && !node.optional) report(usesEval(node));
        if (passesThisOn(node)) {
          plan([node.callee], context);
          for (const argument of node.arguments) {
            if (argument.type === 'FunctionExpression') plan([...argument.params, argument.body], context);
            else if (argument.type !== 'ThisExpression') plan([argument], context);
          }
          return;
        }
        break;
      case 'MemberExpression':
        plan([node.object], context);
        if (node.computed || node.property.type === 'PrivateIdentifier') plan([node.property], context);
        return;
      case 'Property':
        if (node.computed) plan([node.key], context);
        plan([node.value], context);
        return;
      case 'FunctionDeclaration':
      case 'FunctionExpression':
        plan([...node.params, node.body], { ...context, own: true });
        return;
      case 'ClassDeclaration':
      case 'ClassExpression':
        lookAtClass(node, context);
        return;
      case 'LabeledStatement':
        plan([node.body], context);
        return;
      case 'BreakStatement':
      case 'ContinueStatement':
        return;
      case 'JSXAttribute':
        plan([node.value], context);
        return;
      default:
        break;
    }
    plan(runningChildren(node), context);
  }

  function lookAtClass(node: Class, context: Context): void {
    plan(node.decorators, context);
    const privateNames = new Set(context.privateNames);
    for (const member of node.body.body) {
      if ('key' in member && member.key.type === 'PrivateIdentifier') privateNames.add(member.key.name);
    }
    const outside = { ...context, privateNames };
    const inside = { own: true, privateNames };
    plan([node.superClass], context);
    for (const member of node.body.body) {
      if (member.type === 'StaticBlock') plan(member.body, inside);
      if (!('key' in member)) continue;
      plan(member.decorators, outside);
      if (member.computed) plan([member.key], outside);
      plan([member.value], inside);
    }
  }
}

/** Helpers with which TypeScript writes `async` and `yield` for older targets. */
const PASSING = /^__(?:awaiter|generator|asyncGenerator)$/;

/** `__awaiter(this, …, function* () { … })`: `this` is used only if the function uses it, which stands for an arrow function. */
function passesThisOn({ callee, arguments: [first] }: CallExpression): boolean {
  let named = unwrap(callee);
  if (named.type === 'SequenceExpression') named = named.expressions.at(-1) ?? named;
  if (named.type === 'MemberExpression' && !named.computed) named = named.property;
  return first?.type === 'ThisExpression' && named.type === 'Identifier' && PASSING.test(named.name);
}
