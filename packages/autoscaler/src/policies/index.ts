/** Scaling policies: pure functions from an observation to a number of runners. `flamejs/policies` */
export { combine } from './combine.ts';
export { customPolicy } from './custom.ts';
export { type QueueDepthOptions, queueDepth } from './queue-depth.ts';
export { type ScheduleOptions, type SchedulePeriod, schedule } from './schedule.ts';
export { type Step, step } from './step.ts';
export { type WaitTimeOptions, waitTime } from './wait-time.ts';
export { type WorkOptions, work } from './work.ts';
