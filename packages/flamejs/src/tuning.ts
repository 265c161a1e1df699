/** Replays, for a dashboard that is embedded. */
export * from '@flamejs/autoscaler/tuning';
