/** Closures in esbuild's builds. */
export * from '@flamejs/compiler/esbuild';
export { default } from '@flamejs/compiler/esbuild';
