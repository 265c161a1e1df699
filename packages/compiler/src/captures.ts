/** What a closure takes with it, and what it may not take. */
import type { Node } from 'oxc-parser';
import { type FunctionLiteral, isFunctionLiteral, isWithin, unwrap, within } from './ast.ts';
import type { ModuleState } from './module-state.ts';
import {
  assignsCaptured,
  assignsModuleState,
  capturesDeclaration,
  capturesProto,
  capturesResource,
  capturesSymbol,
  capturesUnfinished,
  evalsAround,
  namesOtherBlock,
  namesReplacedClass,
  type Problem,
  type Report,
  readsModuleState,
} from './problems.ts';
import type { Analysis, Reference } from './scope/analyze.ts';
import { type Binding, outwards, type Scope } from './scope/scope.ts';

export interface CaptureList {
  /** Names of the variables to ship, in the order in which the function first mentions them. */
  readonly captures: readonly string[];
  /** References to them. */
  readonly references: readonly Reference[];
  /** Names that the other machine resolves by itself, with where they come from, for the hash. */
  readonly outside: readonly string[];
}

/** @param scope where the call stands. */
export function captureList(
  fn: FunctionLiteral,
  scope: Scope,
  analysis: Analysis,
  state: ModuleState,
  report: Report,
): CaptureList {
  const { root } = analysis;
  const around = new Set(outwards(scope));
  const evals = [...around].some((each) => each.evals);
  const captured = new Map<string, Binding>();
  const references: Reference[] = [];
  const outside = new Map<string, string>();
  for (const reference of within(analysis.references, fn)) {
    const { name, node } = reference;
    const binding = reference.binding && outerBinding(reference.binding, root);
    if (evals && (binding === undefined || binding.scope === root)) report(evalsAround(node, name));
    if (binding === undefined) continue;
    if (binding.scope === root) {
      checkModuleState(reference, binding, !outside.has(name));
      outside.set(name, describeOutside(binding));
      continue;
    }
    if (isWithin(binding.scope.node, fn)) continue;
    if ((binding.scope.kind === 'namespace' || binding.scope.kind === 'enum') && !around.has(binding.scope)) {
      report(namesOtherBlock(node, name));
      continue;
    }
    if (reference.writes) {
      report(assignsCaptured(node, name));
      continue;
    }
    references.push(reference);
    if (captured.has(name)) continue;
    captured.set(name, binding);
    const refusal = refuse(node, binding, fn, scope);
    if (refusal !== undefined) report(refusal);
  }
  return { captures: [...captured.keys()], references, outside: [...outside.values()] };

  function checkModuleState(reference: Reference, binding: Binding, first: boolean): void {
    const { name, node } = reference;
    if (reference.writes && (binding.kind === 'let' || binding.kind === 'var')) report(assignsModuleState(node, name));
    else if (first && state.changesOf(binding).some((change) => !isWithin(change, fn)))
      report(readsModuleState(node, name));
  }
}

/** A class at module level that names itself from inside its own body means the module-level name, as long as that stays the class. */
function outerBinding(binding: Binding, root: Scope): Binding {
  if (binding.kind !== 'class-name') return binding;
  const outer = root.bindings.get(binding.name);
  const same = outer?.node === binding.node || (outer?.initial && unwrap(outer.initial.init) === binding.node);
  return outer && same && outer.writes === 0 ? outer : binding;
}

const describeOutside = ({ name, origin }: Binding): string =>
  origin === undefined ? `${name}=module` : `${name}=${origin.source}#${origin.imported}`;

function refuse(node: Node, binding: Binding, fn: FunctionLiteral, scope: Scope): Problem | undefined {
  const { name, kind, initial, writes } = binding;
  if (name === '__proto__') return capturesProto(node);
  const value = initial?.path.length === 0 ? unwrap(initial.init) : undefined;
  switch (kind) {
    case 'function':
    case 'function-name':
      return capturesDeclaration(node, 'function', name);
    case 'class-name':
      if (binding.scope.parent?.kind === 'module') return namesReplacedClass(node, name);
      return capturesDeclaration(node, 'class', name);
    case 'class':
      return capturesDeclaration(node, 'class', name);
    case 'enum':
    case 'namespace':
      return capturesDeclaration(node, kind, name);
    case 'using':
      return capturesResource(node, name);
    default:
      break;
  }
  if (value === undefined || writes > 0) return undefined;
  if (isFunctionLiteral(value)) return capturesDeclaration(node, 'function', name);
  if (value.type === 'ClassExpression') return capturesDeclaration(node, 'class', name);
  if (isSymbolCall(value)) return capturesSymbol(node, name);
  if ((kind === 'const' || kind === 'let') && isWithin(fn, value) && runsAtOnce(value, scope)) {
    return capturesUnfinished(node, name);
  }
  return undefined;
}

function isSymbolCall(value: Node): boolean {
  if (value.type !== 'CallExpression') return false;
  const { callee } = value;
  if (callee.type === 'Identifier') return callee.name === 'Symbol';
  return callee.type === 'MemberExpression' && callee.object.type === 'Identifier' && callee.object.name === 'Symbol';
}

/** Whether no function or class stands between an initialiser and the call inside it. */
function runsAtOnce(initialiser: Node, scope: Scope): boolean {
  for (const { kind, node } of outwards(scope)) {
    if (!isWithin(node, initialiser)) return true;
    if (kind === 'params' || kind === 'class') return false;
  }
  return true;
}
