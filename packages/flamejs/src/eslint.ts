/** The compiler's errors in the editor. */
export * from '@flamejs/compiler/eslint';
export { default } from '@flamejs/compiler/eslint';
