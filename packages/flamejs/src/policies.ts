/** When a pool grows and shrinks. */
export * from '@flamejs/autoscaler/policies';
