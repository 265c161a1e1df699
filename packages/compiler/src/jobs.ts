/** Finds the functions of a file that flame calls name or contain. */
import type { Node } from 'oxc-parser';
import { type FunctionLiteral, isFunctionLiteral, unwrap } from './ast.ts';
import { labelOf, placeOf } from './labels.ts';
import { passesLocalFunction, type Report } from './problems.ts';
import type { FlameMethod, Recogniser } from './recognise.ts';
import type { Analysis, CallSite } from './scope/analyze.ts';
import { type Binding, lookup } from './scope/scope.ts';

/** A function written where it is passed: it is hoisted, and what it captures is shipped. */
export interface InlineJob {
  readonly kind: 'inline';
  readonly fn: FunctionLiteral;
  readonly call: CallSite;
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
    const candidates = call.node.arguments.slice(0, POSITIONS[method]);
    const literals = candidates.map(functionLiterals).find((found) => found.length > 0);
    if (literals !== undefined) {
      for (const fn of literals) jobs.push({ kind: 'inline', fn, call, name: inlineName(call, method) });
      continue;
    }
    for (const argument of candidates) {
      const standing = standingOf(argument, call, method);
      if (standing.name !== undefined) {
        jobs.push({ kind: 'named', expression: unwrap(argument), call, name: `=${standing.name}` });
      }
      if (standing.isFunction) break;
    }
  }
  return jobs;

  function inlineName(call: CallSite, method: FlameMethod): string {
    const outer = labelOf(call.scope, analysis.inferredNames);
    const own = method === 'fn' ? call.assignedTo : '';
    const label = own === '' ? outer || 'module' : outer === '' ? own : `${outer}.${own}`;
    const ordinal = ordinals.get(label) ?? 0;
    ordinals.set(label, ordinal + 1);
    return own !== '' && ordinal === 0 ? label : `${label}/${ordinal}`;
  }

  /** What an argument is when it is no function literal, as far as one can tell from here. */
  function standingOf(argument: Node, call: CallSite, method: FlameMethod): Standing {
    const dotted = dottedName(argument);
    if (dotted === undefined) return NOTHING;
    const binding = lookup(call.scope, dotted.base);
    if (binding === undefined || binding.origin?.typeOnly) return NOTHING;
    const kind = valueKind(binding, recogniser);
    if (binding.scope !== analysis.root) {
      if (kind !== 'function' || dotted.isMember) return NOTHING;
      report(passesLocalFunction(argument, dotted.name, placeOf(binding.scope, analysis.inferredNames), method));
      return { name: undefined, isFunction: true };
    }
    if (dotted.isMember) return { name: dotted.name, isFunction: false };
    if (kind === 'other') return NOTHING;
    if (kind === 'flame function') return { name: undefined, isFunction: true };
    return { name: dotted.name, isFunction: kind === 'function' };
  }
}

interface Standing {
  /** Wrapped under this name when it is, or might be, a function of this module. */
  readonly name: string | undefined;
  /** It is the function for certain: what follows are its arguments. */
  readonly isFunction: boolean;
}

const NOTHING: Standing = { name: undefined, isFunction: false };

const isText = (node: Node | undefined): boolean =>
  node !== undefined &&
  (node.type === 'TemplateLiteral' || (node.type === 'Literal' && typeof node.value === 'string'));

/** The function literals that an argument may evaluate to: one, or one for each branch of `a ? … : …` and `a ?? …`. */
function functionLiterals(argument: Node): readonly FunctionLiteral[] {
  const node = unwrap(argument);
  if (isFunctionLiteral(node)) return [node];
  if (node.type === 'ConditionalExpression') {
    return [...functionLiterals(node.consequent), ...functionLiterals(node.alternate)];
  }
  if (node.type === 'LogicalExpression') return [...functionLiterals(node.left), ...functionLiterals(node.right)];
  return [];
}

function dottedName(
  argument: Node,
): { readonly base: string; readonly name: string; readonly isMember: boolean } | undefined {
  const members: string[] = [];
  let node = unwrap(argument);
  while (node.type === 'MemberExpression') {
    if (node.computed || node.property.type !== 'Identifier') return undefined;
    members.unshift(node.property.name);
    node = unwrap(node.object);
  }
  if (node.type !== 'Identifier') return undefined;
  return { base: node.name, name: [node.name, ...members].join('.'), isMember: members.length > 0 };
}

type ValueKind = 'function' | 'flame function' | 'other' | 'unknown';

function valueKind(binding: Binding, recogniser: Recogniser): ValueKind {
  const { kind, initial, writes, scope } = binding;
  if (kind === 'function' || kind === 'function-name') return 'function';
  if (kind === 'class' || kind === 'class-name' || kind === 'enum' || kind === 'namespace') return 'other';
  if (initial === undefined || initial.path.length > 0 || writes > 0) return 'unknown';
  const value = unwrap(initial.init);
  if (isFunctionLiteral(value)) return 'function';
  switch (value.type) {
    case 'CallExpression': {
      const path = recogniser.pathOf(value.callee, scope);
      if (path === undefined) return 'unknown';
      return path[0] === 'fn' ? 'flame function' : 'other';
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
