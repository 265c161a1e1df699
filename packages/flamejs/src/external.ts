/** Runners that a platform starts and ends by a number. */
export * from '@flamejs/autoscaler/external';
