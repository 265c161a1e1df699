/** Finds changes in place to captured objects: legal, and silently lost on the other machine. */
import type { Node } from 'oxc-parser';
import { type FunctionLiteral, within } from './ast.ts';
import { mutatesCaptured, type Report } from './problems.ts';
import type { Analysis, Reference } from './scope/analyze.ts';

export function checkMutation(
  fn: FunctionLiteral,
  captured: readonly Reference[],
  { changes }: Analysis,
  report: Report,
): void {
  if (captured.length === 0) return;
  const names = new Map<Node, string>(captured.map(({ node, name }) => [node, name]));
  for (const { node, target } of within(changes, fn)) {
    const name = names.get(target);
    if (name !== undefined) report(mutatesCaptured(node, name));
  }
}
