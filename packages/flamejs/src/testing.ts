/** Checks for tests of your own. */
export * from '@flamejs/queue/testing';
