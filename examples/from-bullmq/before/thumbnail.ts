/** A processor in a file of its own, as BullMQ's sandbox takes it. */
import type { Job } from 'bullmq';

export default async (job: Job<{ width: number }>): Promise<string> => {
  await job.updateProgress(50);
  return `thumbnail of ${job.data.width} px`;
};
