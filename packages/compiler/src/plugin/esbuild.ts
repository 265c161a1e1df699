import { flamePlugin } from './unplugin.ts';

export type { PluginOptions } from './unplugin.ts';

/** `import flame from '@flamejs/compiler/esbuild'`, then `plugins: [flame()]`. */
const flame = flamePlugin.esbuild;
export default flame;
