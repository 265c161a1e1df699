/** What an application tells the type checker about itself. Types only: nothing of it exists at run time. */

/**
 * Your config, so that names of pools are checked where functions are declared. `flame init` writes it; by hand:
 *
 * @example declare module 'flamejs' { interface Register { config: typeof import('./flame.config.js').default } }
 */
// biome-ignore lint/suspicious/noEmptyInterface: it is there to be merged into
export interface Register {}

/** The name of one of the config's pools; any text where the application has registered no config. */
export type PoolName = Register extends { readonly config: { readonly pools: infer Pools } }
  ? keyof Pools & string
  : string;
