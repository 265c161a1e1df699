/**
 * The compiler as a bundler plugin. It sees files before anything else does (`enforce: 'pre'`), so ids and hashes are those
 * of the source as it was written, the same in every bundler and in the loader.
 */
import { createUnplugin } from 'unplugin';
import { createChunkHooks } from './chunks.ts';
import { createCollector, isSource, type PluginOptions } from './collector.ts';
import { setupEsbuild } from './esbuild-hooks.ts';

export type { PluginOptions } from './collector.ts';

/** Vite, Rollup, Rolldown and esbuild also get a manifest for runners. Any other bundler of unplugin's compiles without one. */
export const flamePlugin = createUnplugin<PluginOptions | undefined, false>((options = {}) => {
  const collector = createCollector(options);
  const chunkHooks = createChunkHooks(collector);
  return {
    name: 'flame',
    enforce: 'pre',
    transformInclude: (id) => isSource(id),
    transform(code, id) {
      const result = collector.compile(code, id, (text) => this.warn(text));
      return result && { code: result.code, map: result.map };
    },
    rollup: chunkHooks as object,
    rolldown: chunkHooks as object,
    vite: chunkHooks as object,
    esbuild: { setup: (build) => setupEsbuild(build, collector) },
  };
});
