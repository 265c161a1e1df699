/** Closures in tests with Vitest. */
export * from '@flamejs/compiler/vitest';
export { default } from '@flamejs/compiler/vitest';
