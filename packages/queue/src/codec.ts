/** What values become on their way. */
export * from '@flamejs/protocol/codec';
