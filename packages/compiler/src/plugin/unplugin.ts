/**
 * The compiler as a bundler plugin. It sees files before anything else does (`enforce: 'pre'`), so ids and hashes are those
 * of the source as it was written, the same in every bundler and in the loader.
 */
import { createUnplugin } from 'unplugin';
import { languageOf } from '../language.ts';
import { createChunkHooks } from './chunks.ts';
import { type Collector, createCollector, fileOf, isComponent, isSource, type PluginOptions } from './collector.ts';
import { setupEsbuild } from './esbuild-hooks.ts';

export type { PluginOptions } from './collector.ts';

const pluginOf = (collector: Collector) =>
  createUnplugin<undefined, false>(() => {
    const chunkHooks = createChunkHooks(collector);
    return {
      name: 'flame',
      enforce: 'pre',
      transformInclude: (id) => isSource(id),
      transform(code, id) {
        const result = collector.compile(code, id, languageOf(fileOf(id)), (text) => this.warn(text));
        return result && { code: result.code, map: result.map };
      },
      rollup: chunkHooks as object,
      rolldown: chunkHooks as object,
      vite: chunkHooks as object,
      esbuild: { setup: (build) => setupEsbuild(build, collector) },
    };
  });

/** For any bundler of unplugin's. esbuild also gets a manifest for runners; the others compile without one. */
export const flamePlugin = createUnplugin<PluginOptions | undefined, false>((options = {}, meta) =>
  pluginOf(createCollector(options)).raw(undefined, meta),
);

type Rolling = 'vite' | 'rollup' | 'rolldown';
type PluginOf<Bundler extends Rolling> = Exclude<ReturnType<(typeof flamePlugin)[Bundler]>, readonly unknown[]>;

/**
 * For Vite, Rollup and Rolldown, with a manifest for runners. Components of Vue, Svelte, Astro and MDX are code only after the
 * framework's plugin has been there, so a second plugin waits for it.
 */
export function rollingPlugins<Bundler extends Rolling>(
  bundler: Bundler,
  options: PluginOptions = {},
): PluginOf<Bundler>[] {
  const collector = createCollector(options);
  const sources = pluginOf(collector)[bundler](undefined);
  const components = {
    name: 'flame:components',
    enforce: 'post',
    transform: {
      order: 'post',
      handler(this: { warn(text: string): void }, code: string, id: string) {
        if (!isComponent(id)) return undefined;
        const result = collector.compile(code, id, 'ts', (text) => this.warn(text));
        return result && { code: result.code, map: result.map };
      },
    },
  };
  return [sources, components].flat() as PluginOf<Bundler>[];
}
