/** Closures in Vite's builds. */
export * from '@flamejs/compiler/vite';
export { default } from '@flamejs/compiler/vite';
