/** What compiled code imports. */
export * from '@flamejs/queue/closures';
