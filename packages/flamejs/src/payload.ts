/** What may be done to the bytes of calls: compress, encrypt. */
export * from '@flamejs/queue/payload';
