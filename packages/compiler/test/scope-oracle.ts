/**
 * Compares our scope analysis with typescript-eslint's, reference by reference: both read the same syntax tree, and must
 * agree on which declaration each name means, wherever either of them says that it is not the module's or a global.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { analyze as analyzeTheirs } from '@typescript-eslint/scope-manager';
import { type Node, type Program, parseSync, visitorKeys } from 'oxc-parser';
import { isNode } from '../src/ast.ts';
import { languageOf } from '../src/language.ts';
import { type Analysis, analyze } from '../src/scope/analyze.ts';

export interface Difference {
  readonly file: string;
  readonly line: number;
  readonly name: string;
  /** Offset of the declaration that each side found; `outside` for the module's names and globals, `none` for no reference. */
  readonly ours: number | 'outside' | 'none';
  readonly theirs: number | 'outside' | 'none';
  /** Why the two differ, from the table in `explain`; `undefined` when nothing there fits. */
  readonly reason: string | undefined;
}

export interface Comparison {
  readonly functions: number;
  readonly references: number;
  /** References to a variable of an enclosing function or block: what a closure would capture. */
  readonly captures: number;
  readonly differences: readonly Difference[];
}

/** @returns `undefined` for a file that does not parse. */
export function compareScopes(
  file: string,
  code: string,
  analyzeOurs: typeof analyze = analyze,
): Comparison | undefined {
  const lang = languageOf(file);
  if (lang === undefined) return undefined;
  const sourceType = /\.c[jt]s$/.test(file) ? 'commonjs' : lang === 'jsx' ? 'unambiguous' : 'module';
  const parse = (preserveParens: boolean) =>
    parseSync(file, code, { lang, sourceType, astType: 'ts', range: true, preserveParens });
  const ours = parse(true);
  if (ours.errors.length > 0) return undefined;
  const strict = ours.module.hasModuleSyntax;
  const mine = ourReferences(analyzeOurs(ours.program, { strict }));
  const theirProgram = parse(false).program;
  const theirs = theirReferences(theirProgram, strict);
  const context = describe(theirProgram);

  const differences: Difference[] = [];
  for (const at of new Set([...mine.keys(), ...theirs.keys()])) {
    const a = mine.get(at);
    const b = theirs.get(at);
    const left = a?.declared ?? 'none';
    const right = b?.declared ?? 'none';
    if (agree(left, right, b?.also)) continue;
    const name = a?.name ?? b?.name ?? '';
    const line = code.slice(0, at).split('\n').length;
    differences.push({ file, line, name, ours: left, theirs: right, reason: explain(at, left, strict, context) });
  }
  const captures = [...mine.values()].filter(({ declared }) => typeof declared === 'number').length;
  return { functions: context.functions, references: mine.size, captures, differences };
}

type Declared = number | 'outside';
interface Found {
  readonly name: string;
  readonly declared: Declared;
  readonly also?: readonly number[];
}

/** A name that one side does not list at all is as good as one that it resolves to the module or a global. */
function agree(ours: Declared | 'none', theirs: Declared | 'none', also: readonly number[] = []): boolean {
  if (typeof ours === 'number') return ours === theirs || also.includes(ours);
  return typeof theirs !== 'number';
}

function ourReferences(analysis: Analysis): Map<number, Found> {
  const found = new Map<number, Found>();
  for (const { node, name, binding } of analysis.references) {
    const outside = binding === undefined || binding.scope === analysis.root;
    found.set(node.start, { name, declared: outside ? 'outside' : declarationStart(binding.node) });
  }
  return found;
}

function declarationStart(node: Node): number {
  if (node.type === 'Identifier') return node.start;
  let id = 'id' in node ? node.id : node;
  while (isNode(id) && id.type === 'TSQualifiedName') id = id.left;
  return isNode(id) ? id.start : node.start;
}

function theirReferences(program: Program, strict: boolean): Map<number, Found> {
  const manager = analyzeTheirs(program as never, {
    sourceType: strict ? 'module' : 'script',
    lib: [],
    jsxPragma: null,
    childVisitorKeys: visitorKeys,
  });
  const types = typeRanges(program);
  const found = new Map<number, Found>();
  for (const scope of manager.scopes) {
    for (const { identifier, resolved, init, isValueReference } of scope.references) {
      const [start] = identifier.range;
      // `const a = 1` counts as a reference of its own for them; names in types are not references for us.
      if (init === true || !isValueReference || types.some(([from, to]) => start >= from && start < to)) continue;
      const starts = resolved?.identifiers.map(({ range }) => range[0]) ?? [];
      const outer = resolved === null || resolved.scope.type === 'global' || resolved.scope.type === 'module';
      const name = 'name' in identifier ? String(identifier.name) : '';
      found.set(start, { name, declared: outer ? 'outside' : (starts[0] ?? 'outside'), also: starts });
    }
  }
  return found;
}

/** Where types stand: annotations, assertions, type arguments, declarations that disappear. */
function typeRanges(program: Program): readonly (readonly [number, number])[] {
  const ranges: [number, number][] = [];
  walk(program, (node) => {
    const types =
      /^TS(?:Type|Interface|Declare|EmptyBody|ImportType|.*Keyword$|.*Type$|Abstract|IndexSignature|ClassImplements)/;
    if (types.test(node.type) && node.type !== 'TSTypeAssertion') {
      ranges.push([node.start, node.end]);
      return false;
    }
    if ('declare' in node && node.declare === true) ranges.push([node.start, node.end]);
    return true;
  });
  return ranges;
}

interface Context {
  readonly functions: number;
  readonly closingTags: readonly Node[];
  /** Starts of the names of functions that are declared in a block. */
  readonly blockFunctions: ReadonlySet<number>;
  /** Namespaces and enums. */
  readonly merging: readonly Node[];
}

function describe(program: Program): Context {
  let functions = 0;
  const closingTags: Node[] = [];
  const blockFunctions = new Set<number>();
  const merging: Node[] = [];
  walk(program, (node, parents) => {
    if (node.type === 'TSModuleDeclaration' || node.type === 'TSEnumDeclaration') merging.push(node);
    if (/^(Arrow)?Function/.test(node.type)) functions++;
    if (node.type === 'JSXClosingElement') closingTags.push(node);
    const [block, owner] = [parents.at(-1), parents.at(-2)];
    const inBlock =
      block?.type === 'SwitchCase' || (block?.type === 'BlockStatement' && !/Function/.test(owner?.type ?? ''));
    if (node.type === 'FunctionDeclaration' && node.id && inBlock) blockFunctions.add(node.id.start);
    return true;
  });
  return { functions, closingTags, blockFunctions, merging };
}

/** Every difference that is known, with the reason why ours is right. */
function explain(at: number, ours: Declared | 'none', strict: boolean, context: Context): string | undefined {
  if (ours === 'none' && context.closingTags.some(({ start, end }) => at >= start && at < end)) {
    return 'they count </Name> as a second reference; it is the same one as <Name>';
  }
  if (typeof ours === 'number' && !strict && context.blockFunctions.has(ours)) {
    return 'in sloppy code a function in a block is a var of the function around it (ECMAScript, annex B.3.3), which they leave out';
  }
  if (typeof ours === 'number' && context.merging.some(({ start, end }) => ours >= start && ours < end)) {
    return 'blocks of one namespace and enums of one name see what the others export, which they leave out';
  }
  return undefined;
}

function walk(
  node: Node,
  enter: (node: Node, parents: readonly Node[]) => boolean,
  parents: readonly Node[] = [],
): void {
  if (!enter(node, parents)) return;
  const inner = [...parents.slice(-1), node];
  for (const key of visitorKeys[node.type] ?? []) {
    const value: unknown = (node as unknown as Record<string, unknown>)[key];
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) walk(child, enter, inner);
  }
}

/** Files over this many bytes are bundles: they take seconds and repeat what their parts have. */
const MAX_BYTES = 200_000;

/** @returns source files of installed packages, in a fixed order that spreads over all of them. */
export function installedSources(root: string, count: number): readonly string[] {
  const files = [...sourcesIn(join(root, 'node_modules'))].sort();
  if (count >= files.length) return files;
  return Array.from({ length: count }, (_, n) => files[Math.floor((n * files.length) / count)] ?? '');
}

function* sourcesIn(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sourcesIn(path);
    else if (entry.isFile() && languageOf(path) !== undefined && statSync(path).size < MAX_BYTES) yield path;
  }
}

export const readSource = (path: string): string => readFileSync(path, 'utf8');
