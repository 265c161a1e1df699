/** What the application adds jobs to. Nothing of it changes. */
import { FlowProducer, Queue, QueueEvents } from 'bullmq';
import { connection } from './connection.ts';

export const mail = new Queue<{ to: string }, string>('mail', { connection });
export const images = new Queue<{ width: number }, string>('images', { connection });
export const flows = new FlowProducer({ connection });
export const ordersDone = new QueueEvents('orders', { connection });
export const mailDone = new QueueEvents('mail', { connection });
