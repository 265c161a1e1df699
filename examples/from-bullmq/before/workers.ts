/** Who does the work. */
import { type Job, UnrecoverableError, Worker } from 'bullmq';
import { connection } from './connection.ts';

const sendMail = async (job: Job<{ to: string }>): Promise<string> => {
  await job.log(`attempt ${job.attemptsMade + 1}`);
  if (!job.data.to.includes('@')) throw new UnrecoverableError(`${job.data.to} is no address`);
  if (job.data.to === 'busy@example.com' && job.attemptsMade === 0) throw new Error('try again');
  return `mail to ${job.data.to}`;
};

const packOrder = async (job: Job): Promise<string> =>
  `order of ${Object.values(await job.getChildrenValues<string>())
    .sort()
    .join(' and ')}`;

export const mailWorker = new Worker('mail', sendMail, {
  connection,
  concurrency: 2,
  limiter: { max: 10, duration: 1_000 },
});
export const imageWorker = new Worker('images', new URL('./thumbnail.ts', import.meta.url), {
  connection,
  concurrency: 2,
});
export const orderWorker = new Worker('orders', packOrder, { connection });
export const workers = [mailWorker, imageWorker, orderWorker];
