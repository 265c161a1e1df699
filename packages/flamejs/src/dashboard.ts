/** The dashboard, to be mounted. */
export * from '@flamejs/dashboard';
