/** Runners as processes of this machine. */
export * from '@flamejs/autoscaler/local';
