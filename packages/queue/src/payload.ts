/** What bytes of calls go through: compression, encryption. */
export * from '@flamejs/protocol/payload';
