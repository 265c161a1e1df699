/** JSON text of any tree. The engine's own writer is the fastest there is, but it recurses on a stack that the caller shares. */
import type { Json } from './types.ts';

/** @returns what `JSON.stringify` does, for a tree of any depth and however much of the stack its caller has used. */
export function writeJson(tree: Json): string {
  try {
    return JSON.stringify(tree);
  } catch (error) {
    if (!isStackOverflow(error)) throw error;
    return writeWithOwnStack(tree);
  }
}

export const isStackOverflow = (error: unknown): boolean =>
  error instanceof RangeError && /call stack/i.test(error.message);

interface Open {
  /** `undefined` for an array. */
  readonly keys: readonly string[] | undefined;
  readonly of: Extract<Json, object>;
  next: number;
}

function writeWithOwnStack(tree: Json): string {
  const open: Open[] = [];
  let text = '';
  const begin = (json: Json): void => {
    if (typeof json !== 'object' || json === null) {
      text += JSON.stringify(json);
      return;
    }
    const keys = Array.isArray(json) ? undefined : Object.keys(json);
    text += keys === undefined ? '[' : '{';
    open.push({ keys, of: json, next: 0 });
  };
  begin(tree);
  for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
    const at = top.next++;
    const { keys } = top;
    const key = keys === undefined ? at : keys[at];
    if (at >= (keys ?? (top.of as Json[])).length) {
      text += keys === undefined ? ']' : '}';
      open.pop();
      continue;
    }
    if (at > 0) text += ',';
    if (keys !== undefined) text += `${JSON.stringify(key)}:`;
    begin((top.of as Record<string | number, Json>)[key as string] as Json);
  }
  return text;
}
