/** A processor that stands in a file of its own, as for BullMQ's sandbox. */
import { existsSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { configError } from '@flamejs/protocol/errors/input-errors';
import type { WorkerProcessor } from './types.ts';

/** Of a path without one, as BullMQ has it; and what TypeScript is written in, for sources that are run as they are. */
const EXTENSIONS = ['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts'];

/** @throws FlameConfigError when there is no such file, and when it exports no function */
export const loadProcessor = async (given: string | URL): Promise<WorkerProcessor<unknown, unknown>> => {
  const file = fileOf(given);
  const found = extname(file) === '' ? EXTENSIONS.map((extension) => file + extension).find(existsSync) : file;
  if (found === undefined || !existsSync(found)) throw problem(`there is no file ${file}`);
  let exported = (await import(pathToFileURL(found).href)) as unknown;
  // A CommonJS module of `exports.default = …` has two of them on its way.
  for (let depth = 0; depth < 2 && typeof exported !== 'function'; depth += 1)
    exported = (exported as { readonly default?: unknown } | undefined)?.default;
  if (typeof exported !== 'function') throw problem(`${found} exports no function as its default`);
  return exported as WorkerProcessor<unknown, unknown>;
};

const fileOf = (given: string | URL): string =>
  given instanceof URL || given.startsWith('file:') ? fileURLToPath(given) : resolve(given);

const problem = (message: string) => configError('the processor of flame.worker', [{ path: 'processor', message }]);
