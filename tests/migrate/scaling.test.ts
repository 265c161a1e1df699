/** How many runners a queue of BullMQ gets: none while it is empty, and never more than its own bounds have work for. */
import { afterEach, expect, test } from 'vitest';
import { type Fleet, startFleet } from '../support/fleet.ts';
import { waitFor } from '../support/wait-for.ts';
import { bullmq5, type Queue5 } from './bullmq5.ts';

let fleet: Fleet;
let queue: Queue5;
afterEach(async () => {
  await queue?.close();
  await fleet?.stop();
});

test('with min 0 a delayed job is run when it is due, the runner ends afterwards, and the global concurrency caps the runners, with that as the reason', {
  timeout: 120_000,
}, async () => {
  fleet = await startFleet({
    pools: {
      post: {
        bullmq: { queue: 'mail' },
        max: 5,
        functions: ['./workers.mjs'],
        idleShutdownAfter: '1s',
        bootTimeout: '20s',
      },
    },
  });
  queue = new bullmq5.Queue('mail', { connection: { url: fleet.redis.url } });
  const autoscaler = await fleet.autoscaler();
  const late = await queue.add('echo', 'late', { delay: 2_000 });
  await waitFor(async () => (await late.getState()) === 'completed', {
    what: 'the delayed job to be run',
    everyMs: 100,
  });
  expect((await queue.getJob(String(late.id)))?.returnvalue).toBe('late');
  await waitFor(async () => (await fleet.runners('post')).length === 0, { what: 'its runner to end', everyMs: 100 });

  await queue.setGlobalConcurrency(1);
  await queue.addBulk(Array.from({ length: 8 }, () => ({ name: 'work', data: { ms: 200 } })));
  const reason = (): string => autoscaler.status().pools.post?.reasons.join('; ') ?? '';
  await waitFor(() => reason().includes("the queue's global concurrency is 1: 1"), {
    what: 'the cap among the reasons',
    found: reason,
  });
  let most = 0;
  await waitFor(
    async () => {
      most = Math.max(most, (await fleet.runners('post')).length);
      const { wait = 1, active = 1 } = await queue.getJobCounts('wait', 'active');
      return wait + active === 0;
    },
    { what: 'the jobs to be done' },
  );
  expect(most).toBe(1);
});
