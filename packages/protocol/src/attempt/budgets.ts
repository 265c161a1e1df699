/** How often a call may be run again without its caller having asked for it. */

/** Runners or machines lost under a call; nobody is blamed, and it ends at one more. */
export const RUNNER_LOSSES = 10;
/** From this loss on, the call runs alone on its runner, so that a call that kills runners does not ruin its neighbours. */
export const SUSPECT_LOSSES = 3;
/** Executors killed by somebody else; it ends with the last of these. */
export const EXECUTOR_KILLS = 3;
/** Re-runs because of what an earlier call left behind; it ends at one more. */
export const LATE_FAULTS = 3;
/** Pick-ups of one generation, for whatever reasons. */
export const PICK_UPS = 100;
