/** The autoscaler, to be embedded. */
export * from '@flamejs/autoscaler';
