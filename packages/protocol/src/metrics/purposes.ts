/** Whose the time of a machine is: of the calls that executed in it, or of none while it booted, was idle, or drained. */
export const PURPOSES = ['calls', 'boot', 'idle', 'drain'] as const;
export type Purpose = (typeof PURPOSES)[number];
