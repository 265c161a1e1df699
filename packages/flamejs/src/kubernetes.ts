/** Runners as pods. Needs `@kubernetes/client-node`. */
export * from '@flamejs/autoscaler/kubernetes';
