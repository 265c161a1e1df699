/** Rollup and those that follow its interface: where modules went, known when the chunks are. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { digestOf } from '../manifest.ts';
import { type Collector, fileOf } from './collector.ts';

/** The parts of Rollup's, Rolldown's and Vite's plugin contexts that are used; all three have them. */
interface BuildContext {
  emitFile(file: { readonly type: 'chunk'; readonly id: string }): string;
  getFileName(reference: string): string;
}
interface Output {
  readonly type: string;
  readonly code?: string;
  readonly moduleIds?: readonly string[];
  readonly isEntry?: boolean;
}

export function createChunkHooks(collector: Collector) {
  const references = new Map<string, string>();
  return {
    buildStart(): void {
      references.clear();
    },
    moduleParsed(this: BuildContext, { id }: { readonly id: string }): void {
      const file = fileOf(id);
      if (!collector.chunks || !collector.has(id) || references.has(file)) return;
      references.set(file, this.emitFile({ type: 'chunk', id }));
    },
    // Written here rather than emitted: Vite drops assets of server builds.
    writeBundle(
      this: BuildContext,
      options: { readonly dir?: string | undefined; readonly file?: string | undefined },
      bundle: Readonly<Record<string, Output>>,
    ): void {
      const folder = resolve(options.dir ?? dirname(options.file ?? '.'));
      const chunks = Object.entries(bundle).filter(([, { type }]) => type === 'chunk');
      const placement = (source: string): string | undefined => {
        const reference = references.get(source);
        if (reference !== undefined) return this.getFileName(reference);
        return best(chunks.filter(([, { moduleIds }]) => moduleIds?.some((id) => fileOf(id) === source)));
      };
      const digest = (): string => digestOf(chunks.map(([name, { code = '' }]) => [name, code]));
      const manifest = collector.manifest(folder, placement, digest);
      if (manifest === undefined) return;
      mkdirSync(dirname(manifest.path), { recursive: true });
      writeFileSync(manifest.path, manifest.text);
    },
  };
}

/** A chunk that is no entry does less when it is imported; names decide between equals, so that builds are the same. */
function best(chunks: readonly (readonly [string, Output])[]): string | undefined {
  const weight = ([, { isEntry, moduleIds }]: readonly [string, Output]): number =>
    (isEntry === true ? 1e9 : 0) + (moduleIds?.length ?? 0);
  return [...chunks].sort((a, b) => weight(a) - weight(b) || (a[0] < b[0] ? -1 : 1))[0]?.[0];
}
