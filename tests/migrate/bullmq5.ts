/** BullMQ 5, as the applications have it that are still to be moved: beside the version that Flame stands on. */
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../examples/from-bullmq/package.json', import.meta.url));

export const bullmq5: typeof import('bullmq') = require('bullmq');
export type Queue5 = InstanceType<typeof bullmq5.Queue>;
export type Job5 = InstanceType<typeof bullmq5.Job>;
