/** The errors alone, for code that only looks at them. */
export * from '@flamejs/queue/errors';
