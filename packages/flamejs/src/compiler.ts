/** The compiler of closures. */
export * from '@flamejs/compiler';
