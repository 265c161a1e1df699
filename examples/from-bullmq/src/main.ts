/** Adds jobs of every kind, prints what they come to, and ends. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createAutoscaler } from 'flamejs/autoscaler';
import config from '../flame.config.ts';
import { flows, images, mail, mailDone, ordersDone } from './queues.ts';
import { mailWorker, workers } from './workers.ts';

// In the place of the workers' process: starts runners when jobs wait.
const autoscaler = createAutoscaler(config);
await autoscaler.start();
const heard: string[] = [];
mailWorker.on('completed', (job, result) => heard.push(`${job.name}: ${result}`));
mailWorker.on('failed', (job, error) => heard.push(`${job?.name} failed: ${error.message}`));
await Promise.all([
  ...workers.map((worker) => worker.waitUntilReady()),
  mailDone.waitUntilReady(),
  ordersDone.waitUntilReady(),
]);

await mail.upsertJobScheduler('digest', { every: 500 }, { name: 'digest', data: { to: 'all@example.com' } });
const welcome = await mail.add('welcome', { to: 'ann@example.com' }, { priority: 2 });
const retried = await mail.add(
  'retried',
  { to: 'busy@example.com' },
  { attempts: 3, backoff: { type: 'fixed', delay: 100 } },
);
const broken = await mail.add('broken', { to: 'nobody' }, { attempts: 3 });
const later = await mail.add('later', { to: 'ben@example.com' }, { delay: 300 });
const { job: order } = await flows.add({
  name: 'order',
  queueName: 'orders',
  children: [
    { name: 'thumbnail', queueName: 'images', data: { width: 128 } },
    { name: 'receipt', queueName: 'mail', data: { to: 'cleo@example.com' } },
  ],
});

for (const job of [welcome, retried, later]) console.log(await job.waitUntilFinished(mailDone));
console.log(await broken.waitUntilFinished(mailDone).catch((error: Error) => error.message));
console.log(await order.waitUntilFinished(ordersDone));
const digests = (): number => heard.filter((line) => line.startsWith('digest')).length;
while (digests() < 2) await sleep(50);
await mail.removeJobScheduler('digest');
console.log('the digest goes out again and again');
console.log(heard.find((line) => line.includes('failed: nobody')));

await Promise.all(workers.map((worker) => worker.close()));
await Promise.all([mail, images, flows, mailDone, ordersDone].map((each) => each.close()));
await autoscaler.stop();
