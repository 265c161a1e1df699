/** Which names of the module do not stay what loading the module has made of them: another machine has only that. */
import type { Node } from 'oxc-parser';
import { isFunctionLiteral, isWithin, keyName, unwrap } from './ast.ts';
import type { Analysis } from './scope/analyze.ts';
import { type Binding, isInFunction, type Scope } from './scope/scope.ts';

export interface ModuleState {
  /** Where the module changes a name of its own, or what it holds, at any time but while it loads. */
  changesOf(binding: Binding): readonly Node[];
}

export function createModuleState({ root, references, changes, callerBranches }: Analysis): ModuleState {
  const found = new Map<Binding, Node[]>();
  const add = (binding: Binding, node: Node): void => {
    const known = found.get(binding);
    if (known === undefined) found.set(binding, [node]);
    else known.push(node);
  };
  const isLater = (scope: Scope, node: Node): boolean =>
    isInFunction(scope) || callerBranches.some((branch) => isWithin(node, branch));
  const targets = new Map(changes.map((change) => [change.target, change]));
  for (const { node, binding, scope, writes } of references) {
    if (binding?.scope !== root) continue;
    const change = targets.get(node);
    const concerns = writes ? binding.kind === 'let' || binding.kind === 'var' : change !== undefined;
    if (!concerns || !isLater(scope, node)) continue;
    if (change?.byMethod === true && !isData(valueAt(binding, change.path))) continue;
    add(binding, node);
  }
  return { changesOf: (binding) => found.get(binding) ?? [] };
}

/** What a path of members leads to, as far as it is written down; `'unknown'` below data whose members are not. */
function valueAt(
  { kind, node, initial }: Binding,
  path: readonly (string | undefined)[],
): Node | 'unknown' | undefined {
  if (kind === 'class' && node.type === 'ClassDeclaration') {
    const [name, ...rest] = path;
    for (const member of node.body.body) {
      if (member.type !== 'PropertyDefinition' || !member.static || keyName(member) !== name) continue;
      return member.value === null ? 'unknown' : memberOf(member.value, rest);
    }
    return undefined;
  }
  return initial === undefined || initial.path.length > 0 ? undefined : memberOf(initial.init, path);
}

function memberOf(value: Node, path: readonly (string | undefined)[]): Node | 'unknown' {
  let node = unwrap(value);
  for (const name of path) {
    if (node.type !== 'ObjectExpression' || name === undefined) return isData(node) ? 'unknown' : node;
    const property = node.properties.find((each) => each.type === 'Property' && keyName(each) === name);
    if (property?.type !== 'Property') return 'unknown';
    node = unwrap(property.value);
  }
  return node;
}

/** Classes whose instances can be shipped, and are changed by their methods. */
const DATA_CLASS = /^(?:Map|Set|WeakMap|WeakSet|Array|Date|URLSearchParams|FormData|Headers|\w+Array)$/;
const DATA_MAKERS: ReadonlySet<string> = new Set(['create', 'from', 'of', 'fromEntries', 'entries', 'keys', 'values']);

/** A Redis client has a `set`, too; only what is seen to be data counts as changed by it. */
function isData(value: Node | 'unknown' | undefined): boolean {
  if (value === undefined || value === 'unknown') return value === 'unknown';
  if (isFunctionLiteral(value)) return false;
  if (value.type === 'ArrayExpression' || value.type === 'ObjectExpression') return true;
  if (value.type === 'NewExpression') return value.callee.type === 'Identifier' && DATA_CLASS.test(value.callee.name);
  if (value.type !== 'CallExpression') return false;
  const callee = unwrap(value.callee);
  if (callee.type === 'Identifier') return callee.name === 'Array' || callee.name === 'structuredClone';
  if (callee.type !== 'MemberExpression' || callee.computed || callee.object.type !== 'Identifier') return false;
  return /^(?:Object|\w*Array)$/.test(callee.object.name) && DATA_MAKERS.has(callee.property.name);
}
