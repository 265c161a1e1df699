/** Names of places in a file, for ids that people read in a dashboard and for messages. */
import type { Node } from 'oxc-parser';
import { outwards, type Scope } from './scope/scope.ts';

/** @returns names of the functions and classes around a place, outermost first: `Thumbs.make`; empty at module level. */
export function labelOf(scope: Scope, inferredNames: ReadonlyMap<Node, string>): string {
  const names: string[] = [];
  for (const { kind, node } of outwards(scope)) {
    if (kind !== 'params' && kind !== 'class' && kind !== 'namespace') continue;
    const name = ownName(node) ?? inferredNames.get(node);
    if (name !== undefined && name !== '') names.unshift(name);
  }
  // Keys of objects can be any text; ids keep to what stays readable in a URL and a log line.
  return names.join('.').replace(/[^\p{ID_Continue}$.#]/gu, '_');
}

export const placeOf = (scope: Scope, inferredNames: ReadonlyMap<Node, string>): string => {
  const label = labelOf(scope, inferredNames);
  return label === '' ? 'a block' : `\`${label}\``;
};

function ownName(node: Node): string | undefined {
  if (!('id' in node) || node.id === null || typeof node.id !== 'object') return undefined;
  return 'name' in node.id && typeof node.id.name === 'string' ? node.id.name : undefined;
}
