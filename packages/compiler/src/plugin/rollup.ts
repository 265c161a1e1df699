import { type PluginOptions, rollingPlugins } from './unplugin.ts';

export type { PluginOptions } from './unplugin.ts';

/** `import flame from '@flamejs/compiler/rollup'`, then `plugins: [flame()]`. */
const flame = (options?: PluginOptions) => rollingPlugins('rollup', options);
export default flame;
