/** esbuild: where modules went stands in its metafile. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type { BuildResult, Metafile, PluginBuild } from 'esbuild';
import { digestOf } from '../manifest.ts';
import type { Collector } from './collector.ts';

export function setupEsbuild(build: PluginBuild, collector: Collector): void {
  const { initialOptions: options } = build;
  options.metafile = true;
  const base = resolve(options.absWorkingDir ?? process.cwd());
  const folder = resolve(base, options.outdir ?? (options.outfile === undefined ? '.' : dirname(options.outfile)));

  build.onEnd((result) => {
    const { metafile } = result;
    if (metafile === undefined || result.errors.length > 0) return;
    const placement = (source: string): string | undefined => {
      const output = best(metafile, base, source);
      return output === undefined ? undefined : relative(folder, resolve(base, output));
    };
    const manifest = collector.manifest(folder, placement, () => digestOf(outputs(result, base)));
    if (manifest === undefined) return;
    const { path, text } = manifest;
    if (options.write === false) {
      result.outputFiles?.push({ path, text, contents: Buffer.from(text), hash: digestOf([[path, text]]) });
      return;
    }
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  });
}

/** Without code splitting a module may stand in several outputs: the one that is no entry, or holds least, does least. */
function best({ outputs }: Metafile, base: string, source: string): string | undefined {
  const holding = Object.entries(outputs).filter(([name, { inputs }]) => {
    return !name.endsWith('.map') && Object.keys(inputs).some((input) => resolve(base, input) === source);
  });
  const weight = ([, { entryPoint, inputs }]: (typeof holding)[number]): number =>
    (entryPoint === undefined ? 0 : 1e9) + Object.keys(inputs).length;
  return holding.sort((a, b) => weight(a) - weight(b) || (a[0] < b[0] ? -1 : 1))[0]?.[0];
}

function* outputs(result: BuildResult, base: string): Generator<readonly [string, Uint8Array]> {
  const inMemory = new Map(result.outputFiles?.map(({ path, contents }) => [path, contents]));
  for (const name of Object.keys(result.metafile?.outputs ?? {})) {
    if (name.endsWith('.map')) continue;
    const path = join(base, name);
    yield [name, inMemory.get(path) ?? readFileSync(path)];
  }
}
