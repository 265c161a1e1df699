/** Source maps: chained through every step, so that a stack on any machine shows the line that a person wrote. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import remapping from '@jridgewell/remapping';

export interface RawMap {
  readonly version: 3;
  readonly sources: readonly (string | null)[];
  readonly names: readonly string[];
  readonly mappings: string;
  readonly sourcesContent?: readonly (string | null)[] | undefined;
  readonly sourceRoot?: string | undefined;
}

const COMMENT = /^[ \t]*\/\/[#@] ?sourceMappingURL=(\S+)[ \t]*$/gm;

/** @param maps newest step first. Each but the last describes a file with one source: the output of the step before it. */
export function chain(maps: readonly RawMap[]): RawMap {
  const [only] = maps;
  if (maps.length === 1 && only !== undefined) return only;
  const { sources, names, mappings, sourcesContent } = remapping(
    maps.map((map) => JSON.stringify(map)),
    () => null,
  );
  return { version: 3, sources, names, mappings: String(mappings), ...(sourcesContent ? { sourcesContent } : {}) };
}

/**
 * The map that another compiler left in or beside a file, with sources as absolute file URLs.
 * @returns `undefined` when there is none, or it cannot be read: stacks then show the compiled file.
 */
export function priorMap(file: string, code: string): RawMap | undefined {
  const url = [...code.matchAll(COMMENT)].at(-1)?.[1];
  if (url === undefined) return undefined;
  try {
    const inline = url.startsWith('data:');
    const path = inline ? file : url.startsWith('file:') ? fileURLToPath(url) : resolve(dirname(file), decodeURI(url));
    const parsed: unknown = JSON.parse(inline ? decodeData(url) : readFileSync(path, 'utf8'));
    if (!isRawMap(parsed)) return undefined;
    const base = resolve(dirname(path), parsed.sourceRoot ?? '');
    const { sourceRoot: _, ...map } = parsed;
    return { ...map, sources: parsed.sources.map((source) => source && absolute(source, base)) };
  } catch {
    return undefined;
  }
}

export const withoutMapComment = (code: string): string => code.replace(COMMENT, '');

/** @returns code that carries its map, replacing what it carried before. */
export function withInlineMap(code: string, map: RawMap): string {
  const data = Buffer.from(JSON.stringify(map)).toString('base64');
  return `${withoutMapComment(code)}\n//# sourceMappingURL=data:application/json;base64,${data}\n`;
}

const decodeData = (url: string): string => {
  const comma = url.indexOf(',');
  const data = url.slice(comma + 1);
  return url.slice(0, comma).endsWith(';base64') ? Buffer.from(data, 'base64').toString() : decodeURIComponent(data);
};

const absolute = (source: string, base: string): string =>
  /^[a-z][a-z\d+.-]+:/i.test(source) ? source : pathToFileURL(resolve(base, source)).href;

function isRawMap(value: unknown): value is RawMap {
  if (typeof value !== 'object' || value === null) return false;
  return (
    'mappings' in value && typeof value.mappings === 'string' && 'sources' in value && Array.isArray(value.sources)
  );
}
