/** Environment variables of executors. Children of user code inherit them, which is how they are found again. */

/** Set in every executor, to 1. */
export const EXECUTOR_ENV = 'FLAME_EXECUTOR';

/** Unique for each executor. */
export const MARK_ENV = 'FLAME_EXECUTOR_MARK';

/** Descriptor of the socket over which an executor and its runner talk. */
export const CHANNEL_FD = 3;

/** Descriptor of the pipe whose end tells an executor that its runner has died. */
export const LIFELINE_FD = 4;
