import { flamePlugin } from './unplugin.ts';

export type { PluginOptions } from './unplugin.ts';

/** `import flame from '@flamejs/compiler/rollup'`, then `plugins: [flame()]`. */
const flame = flamePlugin.rollup;
export default flame;
