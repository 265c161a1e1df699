/** Closures in Rollup's builds. */
export * from '@flamejs/compiler/rollup';
export { default } from '@flamejs/compiler/rollup';
