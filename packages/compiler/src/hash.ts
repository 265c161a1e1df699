/**
 * A closure's hash: what it does, not how it is written. Positions, comments, parentheses, types and JSX white space do not
 * count; the body, the names of its captures, and where its other names come from do. Two releases with the same hash run
 * the same body, so a call may cross between them.
 */
import { createHash } from 'node:crypto';
import type { JSXChild, Node } from 'oxc-parser';
import { isNode, isTypeWrapper, keyName, TYPE_FIELDS } from './ast.ts';

/** Characters of base64url: 72 bits, far beyond the functions of one module. */
const LENGTH = 12;

/**
 * @param captures names that are shipped.
 * @param outside names that are not, with where they come from: `resize=./resize.ts#resize` for imports, `limit=module`.
 */
export function hashClosure(fn: Node, captures: readonly string[], outside: readonly string[]): string {
  const parts = [meaningOf(fn), [...captures].sort().join(','), [...outside].sort().join(',')];
  return createHash('sha256').update(parts.join('\0')).digest('base64url').slice(0, LENGTH);
}

const IGNORED: ReadonlySet<string> = new Set([
  ...TYPE_FIELDS,
  'type',
  'start',
  'end',
  'loc',
  'range',
  'parent',
  'raw',
  'definite',
  'declare',
  'accessibility',
  'readonly',
  'override',
  'abstract',
]);

/** Text that is written as it is, or something whose meaning is still to be written. */
type Part = string | { readonly of: unknown };

/** Without recursion: an expression of ten thousand terms is as deep as it is long. */
function meaningOf(value: unknown): string {
  const written: string[] = [];
  const waiting: Part[] = [{ of: value }];
  for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
    if (typeof part === 'string') written.push(part);
    else for (const next of partsOf(part.of).reverse()) waiting.push(next);
  }
  return written.join('');
}

function partsOf(value: unknown): Part[] {
  if (Array.isArray(value)) return ['[', ...joined(value.filter(runs).map((each) => [{ of: each }])), ']'];
  if (!isNode(value)) return [JSON.stringify(value) ?? '_'];
  if (value.type === 'ParenthesizedExpression' || isTypeWrapper(value)) return [{ of: value.expression }];
  const shortcut = literalMeaning(value);
  if (shortcut !== undefined) return [shortcut];
  const fields: Part[][] = [];
  for (const [field, child] of Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) {
    // Absent, null, false and empty mean the same in one field of one type, and parsers differ in which they write.
    const empty =
      child === null || child === undefined || child === false || (Array.isArray(child) && !child.some(runs));
    if (empty || IGNORED.has(field) || !matters(value, field)) continue;
    fields.push([`${field}:`, ...fieldParts(value, field, child)]);
  }
  return [`${value.type}{`, ...joined(fields), '}'];
}

const joined = (lists: readonly Part[][]): Part[] => lists.flatMap((list, n) => (n === 0 ? list : [',', ...list]));

function fieldParts(owner: Node, field: string, child: unknown): Part[] {
  if (field === 'key') return [keyMeaning(owner, child)];
  const isElement = owner.type === 'JSXElement' || owner.type === 'JSXFragment';
  if (isElement && field === 'children') return childrenParts(owner.children);
  // `name={"a"}` and `name="a"` are the same attribute.
  const isQuoted = owner.type === 'JSXAttribute' && isNode(child) && child.type === 'JSXExpressionContainer';
  return [{ of: isQuoted && child.expression.type === 'Literal' ? child.expression : child }];
}

/** What is text is one text, however it is cut: `order {b} has` may be wrapped as `order {b}{" "}` and `has` in a line of its own. */
function childrenParts(children: readonly JSXChild[]): Part[] {
  const lists: Part[][] = [];
  let text = '';
  const flush = (): void => {
    if (text !== '') lists.push([JSON.stringify(text)]);
    text = '';
  };
  for (const child of children) {
    const inner = child.type === 'JSXExpressionContainer' ? child.expression : undefined;
    if (child.type === 'JSXText') text += jsxText(child.value);
    else if (inner?.type === 'Literal' && typeof inner.value === 'string') text += inner.value;
    else if (inner?.type !== 'JSXEmptyExpression') {
      flush();
      lists.push([{ of: child }]);
    }
  }
  flush();
  return ['[', ...joined(lists), ']'];
}

function literalMeaning(node: Node): string | undefined {
  switch (node.type) {
    case 'Literal':
      if ('regex' in node && node.regex) return `/${node.regex.pattern}/${[...node.regex.flags].sort().join('')}`;
      if ('bigint' in node && node.bigint) return `${node.bigint}n`;
      return `${typeof node.value}:${JSON.stringify(node.value)}`;
    case 'TemplateElement':
      return JSON.stringify(node.value.raw.replaceAll('\r\n', '\n'));
    case 'JSXText':
      return JSON.stringify(jsxText(node.value));
    default:
      return undefined;
  }
}

/** `'a': 1` and `a: 1` are the same property. */
function keyMeaning(owner: Node, key: unknown): Part {
  if (!isNode(key) || !('computed' in owner)) return { of: key };
  const name = keyName({ key, computed: owner.computed === true });
  return name === undefined ? { of: key } : JSON.stringify(name);
}

/** `a?.b` is not `a.b`, but `a?: T` is `a: T`. */
function matters(node: Node, field: string): boolean {
  return field !== 'optional' || node.type === 'MemberExpression' || node.type === 'CallExpression';
}

const TYPES_ONLY: ReadonlySet<string> = new Set([
  'TSTypeAliasDeclaration',
  'TSInterfaceDeclaration',
  'TSDeclareFunction',
  'TSIndexSignature',
  'TSAbstractMethodDefinition',
  'TSAbstractPropertyDefinition',
  'TSAbstractAccessorProperty',
]);

/** Whether an element of a list does anything at run time; a hole in an array does. */
function runs(node: unknown): boolean {
  if (!isNode(node)) return true;
  if (TYPES_ONLY.has(node.type) || node.type === 'EmptyStatement') return false;
  if (node.type === 'Identifier') return node.name !== 'this';
  if (node.type === 'MethodDefinition') return node.value.type !== 'TSEmptyBodyFunctionExpression';
  if (node.type === 'JSXText') return jsxText(node.value) !== '';
  return !('declare' in node && node.declare === true);
}

/** JSX's own rule: lines are trimmed where they break, and what is left is joined by one space. */
function jsxText(text: string): string {
  const lines = text.split(/\r?\n/);
  return lines
    .map((line, n) => {
      const start = n === 0 ? line : line.replace(/^[ \t]+/, '');
      return n === lines.length - 1 ? start : start.replace(/[ \t]+$/, '');
    })
    .filter((line) => line !== '')
    .join(' ');
}
