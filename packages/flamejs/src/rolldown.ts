/** Closures in Rolldown's builds. */
export * from '@flamejs/compiler/rolldown';
export { default } from '@flamejs/compiler/rolldown';
