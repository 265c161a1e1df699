/**
 * For vitest.config.ts: `plugins: [flame()]`. Tests and the code under test are compiled as in production, with the same
 * refusals; processes that tests start find the same root.
 */
import type { Plugin } from 'vite';
import { findAppRoot } from '../root.ts';
import { type PluginOptions, rollingPlugins } from './unplugin.ts';

export default function flame(options: Omit<PluginOptions, 'manifest' | 'chunks' | 'release'> = {}): Plugin[] {
  const root = options.root ?? findAppRoot(process.cwd());
  const compiler = rollingPlugins('vite', { ...options, root, manifest: false });
  const environment: Plugin & { config(): { test: { env: Record<string, string> } } } = {
    name: 'flame:vitest',
    config: () => ({ test: { env: { FLAME_ROOT: root } } }),
  };
  return [...compiler, environment];
}
