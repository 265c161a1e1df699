// The peer: a plain BullMQ worker with an in-process processor, default settings.
import { Worker } from 'bullmq';

const [, , url, queue, concurrency] = process.argv;
const worker = new Worker(queue, async (job) => job.data, { connection: { url }, concurrency: Number(concurrency) });
worker.on('error', () => undefined);
await worker.waitUntilReady();
process.stdout.write('ready\n');
process.on('SIGTERM', () => process.exit(0));
