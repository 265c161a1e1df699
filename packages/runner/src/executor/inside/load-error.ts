/** What a module that cannot be loaded is told as: one sentence that says which file, what, and where. Pure. */
import { relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const FRAME = /(?:\(|at (?:async )?)((?:file:\/\/|\/|[A-Za-z]:[\\/])[^()]*?):(\d+):\d+\)?$/;
const LONGEST_FRAME = 4_096;
/** A syntax error's first line: the place alone. */
const PLACE = /^((?:file:\/\/|\/|[A-Za-z]:[\\/]).*?):(\d+)$/;

/**
 * @param module absolute path or `file:` URL
 * @param root the application's, to which files are named relative: where it lies concerns no caller
 */
export const describeLoadError = (module: string, error: unknown, root: string): string => {
  const file = nameOf(module, root);
  if (!(error instanceof Error)) return `${file} cannot be loaded: it threw ${typeof error}: ${String(error)}`;
  const what = withoutRoot(oneLine(`${error.name}: ${error.message}`), root);
  const place = placeOf(error, root);
  return `${file} cannot be loaded: ${what}${place === undefined ? '' : ` (${place})`}`;
};

/** The nearest line of the application itself. */
const placeOf = ({ stack = '' }: Error, root: string): string | undefined => {
  for (const line of stack.split('\n')) {
    // No path is so long, and a message may hold lines of any length.
    if (line.length > LONGEST_FRAME) continue;
    const [, location, row] = FRAME.exec(line.trim()) ?? PLACE.exec(line) ?? [];
    if (location === undefined || location.includes('node_modules')) continue;
    const name = nameOf(location.replace(/\?.*$/, ''), root);
    if (!name.startsWith('..')) return `${name}:${row}`;
  }
  return undefined;
};

const nameOf = (module: string, root: string): string =>
  relative(root, module.startsWith('file:') ? fileURLToPath(module) : module)
    .split(sep)
    .join('/');

const withoutRoot = (text: string, root: string): string =>
  text.replaceAll(`file://${root}/`, '').replaceAll(`${root}/`, '');

const oneLine = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.trim())
    .join(' ');
