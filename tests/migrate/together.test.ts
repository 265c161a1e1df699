/** Runners on a queue that BullMQ 5's own Worker still serves: both at once, and what happens to one when the other is killed. */
import { afterEach, expect, test } from 'vitest';
import { type Fleet, startFleet } from '../support/fleet.ts';
import { bySize } from '../support/tier.ts';
import { waitFor } from '../support/wait-for.ts';
import { bullmq5 } from './bullmq5.ts';

let fleet: Fleet;
const closing: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((each) => each.close()));
  await fleet?.stop();
});
const closedAfter = <T extends { close(): Promise<unknown> }>(each: T): T => {
  closing.push(each);
  return each;
};

const start = async (pool: object = {}) => {
  fleet = await startFleet({
    pools: { post: { bullmq: { queue: 'mail' }, max: 3, maxConcurrency: 2, functions: ['./workers.mjs'], ...pool } },
  });
  const connection = { url: fleet.redis.url };
  const queue = closedAfter(new bullmq5.Queue('mail', { connection }));
  return { connection, queue };
};

test('a Worker of BullMQ 5 and a runner share a queue: each job is done once, both do some, and schedulers, priorities and flows go on', async () => {
  const { connection, queue } = await start();
  await fleet.runner('post');
  const done: string[] = [];
  const worker = closedAfter(
    new bullmq5.Worker(
      'mail',
      async (job) => {
        done.push(String(job.id));
        await new Promise((resolve) => setTimeout(resolve, job.data?.ms ?? 0));
        return 'by BullMQ 5';
      },
      { connection, concurrency: 2 },
    ),
  );
  await worker.waitUntilReady();
  await queue.upsertJobScheduler('often', { every: 200 }, { name: 'echo', data: 'scheduled' });
  const flows = closedAfter(new bullmq5.FlowProducer({ connection }));
  const count = bySize({ push: 40, nightly: 1_000 });
  const jobs = await queue.addBulk(
    Array.from({ length: count }, (_, i) => ({
      name: 'work',
      data: { ms: 20, i },
      opts: { priority: i % 5, attempts: 1 },
    })),
  );
  const { job: parent } = await flows.add({
    name: 'parent',
    queueName: 'mail',
    children: Array.from({ length: 6 }, (_, i) => ({ name: 'echo', queueName: 'mail', data: i })),
  });
  await waitFor(async () => (await parent.getState()) === 'completed', { what: 'the flow to complete' });
  await waitFor(async () => (await queue.getJobCounts('wait', 'active', 'prioritized')).prioritized === 0, {
    what: 'the jobs to be done',
  });
  const ended = await waitFor(
    async () => {
      const states = await Promise.all(jobs.map(({ id }) => queue.getJob(String(id))));
      return states.every((job) => job?.finishedOn !== undefined) && states;
    },
    { what: 'every job to have ended' },
  );
  expect(ended.map((job) => [job?.failedReason, job?.attemptsStarted])).toEqual(ended.map(() => [undefined, 1]));
  const byBullmq = ended.filter((job) => job?.returnvalue === 'by BullMQ 5').length;
  expect(byBullmq).toBeGreaterThan(0);
  expect(byBullmq).toBeLessThan(count);
  // The scheduler goes on, whoever runs one of its jobs.
  const scheduled = async (): Promise<readonly unknown[]> =>
    (await queue.getCompleted(0, -1))
      .filter(({ repeatJobKey }) => repeatJobKey === 'often')
      .map(({ returnvalue }) => returnvalue);
  await waitFor(async () => new Set(await scheduled()).size === 2, {
    what: 'the scheduler to have fired on both sides',
  });
  // Only runners are left: they make the next one.
  await worker.close();
  const before = (await scheduled()).length;
  await waitFor(async () => (await scheduled()).length >= before + 3, {
    what: 'the scheduler to go on without BullMQ 5',
  });
});

test('a runner that is killed loses nothing: its jobs run again, on a runner or on a Worker of BullMQ 5', {
  timeout: 120_000,
}, async () => {
  const { connection, queue } = await start();
  const first = await fleet.runner('post');
  const count = bySize({ push: 12, nightly: 200 });
  const jobs = await queue.addBulk(
    Array.from({ length: count }, (_, i) => ({ name: 'work', data: { ms: 400, i }, opts: { attempts: 1 } })),
  );
  await waitFor(async () => (await queue.getActiveCount()) > 0, { what: 'the first runner to be busy' });
  await first.process.kill9();
  await fleet.runner('post');
  const worker = closedAfter(
    new bullmq5.Worker('mail', async () => 'by BullMQ 5', { connection, stalledInterval: 1_000, maxStalledCount: 3 }),
  );
  await worker.waitUntilReady();
  const ended = await waitFor(
    async () => {
      const states = await Promise.all(jobs.map(({ id }) => queue.getJob(String(id))));
      return states.every((job) => job?.finishedOn !== undefined) && states;
    },
    { what: 'every job to have ended', timeoutMs: 90_000 },
  );
  // A lost runner is no failed attempt, and only what it had was begun twice.
  expect(ended.map((job) => job?.failedReason)).toEqual(ended.map(() => undefined));
  const again = ended.filter((job) => (job?.attemptsStarted ?? 0) > 1);
  expect(again.length).toBeGreaterThan(0);
  expect(again.length).toBeLessThanOrEqual(2);
});

test('a limiter holds over runners and Workers of BullMQ 5 together, and so does the global concurrency', {
  timeout: 120_000,
}, async () => {
  fleet = await startFleet({
    pools: { slow: { bullmq: {}, max: 2, maxConcurrency: 4, functions: ['./workers.mjs'] } },
  });
  const connection = { url: fleet.redis.url };
  const queue = closedAfter(new bullmq5.Queue('slow', { connection }));
  await Promise.all([fleet.runner('slow'), fleet.runner('slow')]);
  const worker = closedAfter(
    new bullmq5.Worker('slow', async () => 'by BullMQ 5', {
      connection,
      concurrency: 4,
      limiter: { max: 2, duration: 1_000 },
    }),
  );
  await worker.waitUntilReady();
  const jobs = await queue.addBulk(
    Array.from({ length: 9 }, (_, i) => ({ name: 'work', data: { ms: 1 }, opts: { jobId: `job-${i}` } })),
  );
  const ended = await waitFor(
    async () => {
      const states = await Promise.all(jobs.map(({ id }) => queue.getJob(String(id))));
      return states.every((job) => job?.finishedOn !== undefined) && states;
    },
    { what: 'every job to have ended' },
  );
  const begun = ended.map((job) => job?.processedOn ?? 0).sort((a, b) => a - b);
  // Of any three that follow each other the last began in a later period; 50 ms for clocks and expiry.
  for (let i = 2; i < begun.length; i += 1) expect((begun[i] ?? 0) - (begun[i - 2] ?? 0)).toBeGreaterThan(950 - 50);

  await queue.setGlobalConcurrency(1);
  await queue.removeRateLimitKey();
  await queue.addBulk(Array.from({ length: 4 }, () => ({ name: 'work', data: { ms: 30 } })));
  let most = 0;
  await waitFor(
    async () => {
      most = Math.max(most, await queue.getActiveCount());
      const { wait, active } = await queue.getJobCounts('wait', 'active');
      return wait === 0 && active === 0;
    },
    { what: 'the jobs to be done', everyMs: 5 },
  );
  expect(most).toBe(1);
});
