/**
 * Which calls are Flame's. Decided by what a name is bound to, never by its spelling: a local variable that happens to be
 * called `flame` is somebody else's.
 */
import { posix } from 'node:path';
import type { Node } from 'oxc-parser';
import { isTypeWrapper } from './ast.ts';
import type { ParsedOptions } from './options.ts';
import type { Analysis, CallSite } from './scope/analyze.ts';
import { type Binding, lookup, type Scope } from './scope/scope.ts';

export type FlameMethod = 'call' | 'cast' | 'map' | 'fn' | 'schedule' | 'placeChild' | 'stream';

const METHODS: ReadonlySet<string> = new Set<FlameMethod>([
  'call',
  'cast',
  'map',
  'fn',
  'schedule',
  'placeChild',
  'stream',
]);

export interface Recogniser {
  /** @returns which method of a Flame a call is, `undefined` when it is none. */
  methodOf(call: CallSite): FlameMethod | undefined;
  /** The same for any expression that is called, as in `const images = flame.pool('images')`: the path after `flame`. */
  pathOf(callee: Node, scope: Scope): readonly string[] | undefined;
}

/** Aliases of aliases are followed this far: more is not written by people, and a cycle must end. */
const MAX_ALIASES = 8;

/** @param module path of the file relative to the application root, to compare relative imports with `sources`. */
export function createRecogniser(analysis: Analysis, module: string, options: ParsedOptions): Recogniser {
  const sources = new Set(options.sources.map(withoutExtension));

  return {
    methodOf({ node, scope }) {
      const path = resolve(node.callee, scope, 0);
      const method = path?.length === 2 && path[0] === 'flame' ? path[1] : undefined;
      return method !== undefined && METHODS.has(method) ? (method as FlameMethod) : undefined;
    },
    pathOf(callee, scope) {
      const path = resolve(callee, scope, 0);
      return path?.[0] === 'flame' ? path.slice(1) : undefined;
    },
  };

  /**
   * @param after members that are read from the expression's value.
   * @returns names from `flame` or `createFlame` on, `undefined` when the expression leads elsewhere.
   */
  function resolve(
    expression: Node,
    scope: Scope,
    depth: number,
    after: readonly string[] = [],
  ): readonly string[] | undefined {
    if (depth > MAX_ALIASES) return undefined;
    const { base, members: own } = takeMembers(expression);
    const members = [...own, ...after];
    if (base.type === 'CallExpression') {
      const source = requiredModule(base);
      if (source !== undefined) return exportPath(source, members);
      const made = resolve(base.callee, scope, depth + 1);
      return made?.length === 1 && made[0] === 'createFlame' ? ['flame', ...members] : undefined;
    }
    if (base.type !== 'Identifier') return undefined;
    const binding = lookup(scope, base.name);
    if (binding === undefined) return exportsPath(base.name, members, depth);
    return bindingPath(binding, members, depth);
  }

  function bindingPath(binding: Binding, members: readonly string[], depth: number): readonly string[] | undefined {
    const { origin, initial, writes } = binding;
    if (origin !== undefined) {
      if (origin.typeOnly) return undefined;
      const path = origin.imported === '*' ? members : [origin.imported, ...members];
      return exportPath(origin.source, path, binding.name);
    }
    if (initial === undefined || writes > 0) return undefined;
    return resolve(initial.init, binding.scope, depth + 1, [...initial.path, ...members]);
  }

  /** `exports.flame` of compiled CommonJS, inside the module that exports it. */
  function exportsPath(name: string, members: readonly string[], depth: number): readonly string[] | undefined {
    const [first, ...rest] = name === 'module' && members[0] === 'exports' ? members.slice(1) : members;
    if ((name !== 'exports' && name !== 'module') || first === undefined) return undefined;
    const value = analysis.commonjsExports.get(first);
    return value && resolve(value, analysis.root, depth + 1, rest);
  }

  /** @param local what the importing module calls it. */
  function exportPath(source: string, path: readonly string[], local = ''): readonly string[] | undefined {
    const [first, ...rest] = path;
    if (first === undefined) return undefined;
    if (options.packageNames.includes(source) && first === 'createFlame') return path;
    if (options.packageNames.includes(source) || isListed(source)) {
      if (first === 'flame') return path;
      return first === 'default' ? ['flame', ...rest] : undefined;
    }
    if (!isLocal(source)) return undefined;
    if (first === 'flame') return path;
    if (first !== 'default') return undefined;
    // A default export has no name but the one that it is given here, or that its file has.
    if (rest[0] === 'flame') return rest;
    return local === 'flame' || /(?:^|\/)flame(?:\.[cm]?[jt]sx?)?$/.test(source) ? ['flame', ...rest] : undefined;
  }

  function isListed(source: string): boolean {
    if (sources.has(withoutExtension(source))) return true;
    if (!source.startsWith('.')) return false;
    return sources.has(withoutExtension(posix.join(posix.dirname(module), source)));
  }

  /** Whether an import leads into the application: no npm package has such a name. */
  function isLocal(source: string): boolean {
    return (
      /^(?:[./~#$]|@\/)/.test(source) ||
      options.aliases.some((alias) => source === alias || source.startsWith(withSlash(alias)))
    );
  }
}

/** Splits `(await x).a.b` into its base and the names after it. */
function takeMembers(expression: Node): { readonly base: Node; readonly members: readonly string[] } {
  const members: string[] = [];
  let node = expression;
  for (;;) {
    if (node.type === 'ParenthesizedExpression' || node.type === 'ChainExpression' || isTypeWrapper(node)) {
      node = node.expression;
    } else if (node.type === 'AwaitExpression') {
      node = node.argument;
    } else if (node.type === 'SequenceExpression') {
      // `(0, x.call)(…)`, as compilers write a call without a receiver.
      const last = node.expressions.at(-1);
      if (last === undefined) return { base: node, members };
      node = last;
    } else if (node.type === 'MemberExpression' && !node.computed && node.property.type === 'Identifier') {
      members.unshift(node.property.name);
      node = node.object;
    } else return { base: node, members };
  }
}

/** Helpers with which compilers wrap `require`. */
const INTEROP = /^(?:__importDefault|__importStar|__toESM|_interop_require_\w+|_interopRequire\w+)$/;

function requiredModule(call: Node): string | undefined {
  if (call.type !== 'CallExpression' || call.callee.type !== 'Identifier') return undefined;
  const [argument] = call.arguments;
  if (argument === undefined) return undefined;
  if (INTEROP.test(call.callee.name)) return requiredModule(argument);
  if (call.callee.name !== 'require' || argument.type !== 'Literal') return undefined;
  return typeof argument.value === 'string' ? argument.value : undefined;
}

const withSlash = (prefix: string): string => (prefix.endsWith('/') ? prefix : `${prefix}/`);

const withoutExtension = (path: string): string => path.replace(/^\.\//, '').replace(/\.[cm]?[jt]sx?$/, '');
