import { flamePlugin } from './unplugin.ts';

export type { PluginOptions } from './unplugin.ts';

/** `import flame from '@flamejs/compiler/vite'`, then `plugins: [flame()]`. */
const flame = flamePlugin.vite;
export default flame;
