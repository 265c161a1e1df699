/** Runners as containers. Needs `dockerode`. */
export * from '@flamejs/autoscaler/docker';
