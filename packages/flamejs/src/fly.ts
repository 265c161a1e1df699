/** Runners as machines of Fly. */
export * from '@flamejs/autoscaler/fly';
