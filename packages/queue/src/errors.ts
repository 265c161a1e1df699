/** Every error class. */
export * from '@flamejs/protocol/errors';
