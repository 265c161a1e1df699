import { flamePlugin } from './unplugin.ts';

export type { PluginOptions } from './unplugin.ts';

/** `import flame from '@flamejs/compiler/rolldown'`, then `plugins: [flame()]`. */
const flame = flamePlugin.rolldown;
export default flame;
