/** Names of places in a file, for ids that people read in a dashboard and for messages. */
import { functionNameOf } from '@flamejs/protocol/function-id';
import type { Node } from 'oxc-parser';
import { outwards, type Scope } from './scope/scope.ts';

/**
 * @param own names of the thing itself, when it has some.
 * @returns names of the functions and classes around a place, outermost first: `Thumbs.make`; empty at module level.
 */
export function labelOf(scope: Scope, inferredNames: ReadonlyMap<Node, string>, own: readonly string[] = []): string {
  const names: string[] = [];
  for (const { kind, node } of outwards(scope)) {
    if (kind !== 'params' && kind !== 'class' && kind !== 'namespace') continue;
    const name = ownName(node) ?? inferredNames.get(node);
    if (name !== undefined && name !== '') names.unshift(name);
  }
  return functionNameOf([...names, ...own]);
}

export const placeOf = (scope: Scope, inferredNames: ReadonlyMap<Node, string>): string => {
  const label = labelOf(scope, inferredNames);
  return label === '' ? 'a block' : `\`${label}\``;
};

function ownName(node: Node): string | undefined {
  if (!('id' in node) || node.id === null || typeof node.id !== 'object') return undefined;
  return 'name' in node.id && typeof node.id.name === 'string' ? node.id.name : undefined;
}
