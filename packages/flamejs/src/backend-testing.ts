/** The suite that every backend passes, for your own. */
export * from '@flamejs/autoscaler/testing';
