import { type PluginOptions, rollingPlugins } from './unplugin.ts';

export type { PluginOptions } from './unplugin.ts';

/** `import flame from '@flamejs/compiler/rolldown'`, then `plugins: [flame()]`. */
const flame = (options?: PluginOptions) => rollingPlugins('rolldown', options);
export default flame;
