import { type PluginOptions, rollingPlugins } from './unplugin.ts';

export type { PluginOptions } from './unplugin.ts';

/** `import flame from '@flamejs/compiler/vite'`, then `plugins: [flame()]`. */
const flame = (options?: PluginOptions) => rollingPlugins('vite', options);
export default flame;
