/** Finds the functions of a file that flame calls name or contain. */
import { functionNameOf } from '@flamejs/protocol/function-id';
import type { Expression, Node } from 'oxc-parser';
import { type FunctionLiteral, isFunctionLiteral, unwrap } from './ast.ts';
import { labelOf, placeOf } from './labels.ts';
import { passesLocalFunction, type Report } from './problems.ts';
import type { FlameMethod, Recogniser } from './recognise.ts';
import type { Analysis, CallSite } from './scope/analyze.ts';
import { type Binding, lookup, type Scope } from './scope/scope.ts';

/** A function written where it is passed: it is hoisted, and what it captures is shipped. */
export interface InlineJob {
  readonly kind: 'inline';
  readonly fn: FunctionLiteral;
  readonly call: CallSite;
  readonly method: FlameMethod;
  /** Name in the id: `makeThumb/0`, or what `flame.fn`'s result is assigned to. */
  readonly name: string;
}

/** A function of the module passed by name: the name is registered here, so it survives bundling and minifying. */
export interface NamedJob {
  readonly kind: 'named';
  readonly expression: Node;
  readonly call: CallSite;
  /** `=resizeImage`. */
  readonly name: string;
}

export type Job = InlineJob | NamedJob;

/** How many leading arguments may be the function. */
const POSITIONS: Readonly<Record<FlameMethod, number>> = {
  call: 2,
  cast: 2,
  map: 3,
  placeChild: 2,
  stream: 2,
  fn: 3,
  schedule: 4,
};

export function findJobs(analysis: Analysis, recogniser: Recogniser, report: Report): readonly Job[] {
  const jobs: Job[] = [];
  const ordinals = new Map<string, number>();
  for (const call of analysis.calls) {
    const method = recogniser.methodOf(call);
    if (method === undefined) continue;
    // `flame.fn('name', …)` is found by its name and needs no compiler.
    if (method === 'fn' && isText(call.node.arguments[0])) continue;
    const candidates = call.node.arguments.slice(0, POSITIONS[method]).map(alternatives);
    // A function that is written there is the function, and what stands before it a pool or options.
    const written = candidates.find((leaves) => leaves.some(isFunctionLiteral));
    for (const leaves of written === undefined ? candidates : [written]) {
      const areFunctions = leaves.map((leaf) => take(leaf, call, method));
      // What follows the function are its arguments.
      if (areFunctions.some(Boolean)) break;
    }
  }
  return jobs;

  /** @returns whether it is a function for certain. */
  function take(leaf: Node, call: CallSite, method: FlameMethod): boolean {
    if (isFunctionLiteral(leaf)) {
      jobs.push({ kind: 'inline', fn: leaf, call, method, name: inlineName(call, method) });
      return true;
    }
    const { name, isFunction } = standingOf(leaf, call, method);
    if (name !== undefined) jobs.push({ kind: 'named', expression: leaf, call, name: `=${functionNameOf(name)}` });
    return isFunction;
  }

  function inlineName(call: CallSite, method: FlameMethod): string {
    const own = method === 'fn' ? call.assignedTo : [];
    const label = labelOf(call.scope, analysis.inferredNames, own) || 'module';
    const ordinal = ordinals.get(label) ?? 0;
    ordinals.set(label, ordinal + 1);
    return own.length > 0 && ordinal === 0 ? label : `${label}/${ordinal}`;
  }

  /** What an argument is when it is no function literal, as far as one can tell from here. */
  function standingOf(argument: Node, call: CallSite, method: FlameMethod): Standing {
    const dotted = dottedNames(argument);
    if (dotted === undefined) return NOTHING;
    const [base, ...members] = dotted;
    const binding = lookup(call.scope, base);
    if (binding === undefined) {
      const exported = exportedValue(base, members);
      if (exported === undefined) return NOTHING;
      return standingIs(dotted, valueKind(exported, analysis.root, recogniser));
    }
    if (binding.origin?.typeOnly) return NOTHING;
    const kind = bindingKind(binding, recogniser);
    if (binding.scope !== analysis.root) {
      if (kind !== 'function' || members.length > 0) return NOTHING;
      report(passesLocalFunction(argument, base, placeOf(binding.scope, analysis.inferredNames), method));
      return { name: undefined, isFunction: true };
    }
    return members.length > 0 ? { name: dotted, isFunction: false } : standingIs(dotted, kind);
  }

  /** `exports.job`, as other compilers write `job` in the module that exports it. */
  function exportedValue(base: string, members: readonly string[]): Expression | undefined {
    const [name, ...deeper] = base === 'module' && members[0] === 'exports' ? members.slice(1) : members;
    if ((base !== 'exports' && base !== 'module') || name === undefined || deeper.length > 0) return undefined;
    return analysis.commonjsExports.get(name);
  }
}

interface Standing {
  /** Wrapped under these names when it is, or might be, a function of this module. */
  readonly name: readonly string[] | undefined;
  /** It is the function for certain: what follow are its arguments. */
  readonly isFunction: boolean;
}

const NOTHING: Standing = { name: undefined, isFunction: false };

function standingIs(name: readonly string[], kind: ValueKind): Standing {
  if (kind === 'other') return NOTHING;
  return kind === 'flame function' ? { name: undefined, isFunction: true } : { name, isFunction: kind === 'function' };
}

const isText = (node: Node | undefined): boolean =>
  node !== undefined &&
  (node.type === 'TemplateLiteral' || (node.type === 'Literal' && typeof node.value === 'string'));

/** What an argument may evaluate to: itself, or each branch of `a ? … : …`, `a ?? …`, `(…, a)`. */
function alternatives(argument: Node): readonly Node[] {
  const leaves: Node[] = [];
  const waiting: Node[] = [argument];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    const bare = unwrap(node);
    if (bare.type === 'ConditionalExpression') waiting.push(bare.alternate, bare.consequent);
    else if (bare.type === 'LogicalExpression') waiting.push(bare.right, bare.left);
    else if (bare.type === 'SequenceExpression') waiting.push(...bare.expressions.slice(-1));
    else leaves.push(bare);
  }
  return leaves;
}

/** `['tasks', 'resize']` for `tasks.resize` and `tasks?.resize`. */
function dottedNames(argument: Node): readonly [string, ...string[]] | undefined {
  const members: string[] = [];
  let node = argument;
  for (;;) {
    if (node.type === 'ChainExpression') node = node.expression;
    else if (node.type === 'MemberExpression' && !node.computed && node.property.type === 'Identifier') {
      members.unshift(node.property.name);
      node = unwrap(node.object);
    } else return node.type === 'Identifier' ? [node.name, ...members] : undefined;
  }
}

type ValueKind = 'function' | 'flame function' | 'other' | 'unknown';

function bindingKind(binding: Binding, recogniser: Recogniser): ValueKind {
  const { kind, initial, writes, scope } = binding;
  if (kind === 'function' || kind === 'function-name') return 'function';
  if (kind === 'class' || kind === 'class-name' || kind === 'enum' || kind === 'namespace') return 'other';
  if (initial === undefined || initial.path.length > 0 || writes > 0) return 'unknown';
  return valueKind(initial.init, scope, recogniser);
}

function valueKind(written: Expression, scope: Scope, recogniser: Recogniser): ValueKind {
  const value = unwrap(written);
  if (isFunctionLiteral(value)) return 'function';
  switch (value.type) {
    case 'CallExpression': {
      const path = recogniser.pathOf(value.callee, scope);
      if (path === undefined) return 'unknown';
      return path[0] === 'fn' ? 'flame function' : 'other';
    }
    case 'Identifier': {
      const binding = lookup(scope, value.name);
      return binding?.kind === 'function' ? 'function' : 'unknown';
    }
    case 'Literal':
    case 'TemplateLiteral':
    case 'ObjectExpression':
    case 'ArrayExpression':
    case 'NewExpression':
      return 'other';
    default:
      return 'unknown';
  }
}
