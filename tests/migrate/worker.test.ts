/** Queues of BullMQ whose worker has moved to runners: what a processor finds, and what becomes of its jobs. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fleet, type RunnerProcess, startFleet } from '../support/fleet.ts';
import { waitFor } from '../support/wait-for.ts';
import { bullmq5, type Job5, type Queue5 } from './bullmq5.ts';

let fleet: Fleet;
let queue: Queue5;
let events: InstanceType<typeof bullmq5.QueueEvents>;
let runner: RunnerProcess;
const functions = ['./workers.mjs'];
beforeAll(async () => {
  fleet = await startFleet({
    pools: {
      main: { max: 1 },
      post: {
        bullmq: { queue: 'mail' },
        max: 2,
        maxConcurrency: 3,
        functions,
        passRedis: true,
        timeout: '4s',
        killGrace: 100,
        shutdownTimeout: '300ms',
      },
      files: { bullmq: {}, max: 1, functions },
    },
  });
  const connection = { url: fleet.redis.url };
  queue = new bullmq5.Queue('mail', { connection });
  events = new bullmq5.QueueEvents('mail', { connection });
  await events.waitUntilReady();
  [runner] = await Promise.all([fleet.runner('post'), fleet.runner('files'), fleet.runner()]);
});
afterAll(async () => {
  await events?.close();
  await queue?.close();
  await fleet?.stop();
});

const add = (name: string, data: unknown = {}, opts = {}): Promise<Job5> => queue.add(name, data, opts);
const run = async (name: string, data: unknown = {}, opts = {}): Promise<unknown> =>
  (await add(name, data, opts)).waitUntilFinished(events);
/** The job as BullMQ has kept it. */
const kept = async ({ id }: Job5): Promise<Job5> => {
  const job = await queue.getJob(String(id));
  if (job === undefined) throw new Error(`there is no job ${id}`);
  return job;
};

test('jobs of a plain Queue.add are processed on a runner, in a process that is not the runner, and BullMQ keeps what they return', async () => {
  expect(await run('echo', { text: 'ä', list: [1, null] })).toEqual({ text: 'ä', list: [1, null] });
  const { pid, runnerId } = (await run('where')) as { pid: number; runnerId: string };
  expect(runnerId).toBe(runner.runnerId);
  expect(pid).not.toBe(runner.process.pid);
  const nothing = await add('nothing');
  expect(await nothing.waitUntilFinished(events)).toBeNull();
  expect((await kept(nothing)).returnvalue).toBeNull();
});

test('a processor reports progress, logs, and changes its data by its job; what it prints is no log of the job', async () => {
  const job = await add('talk', { a: 1 });
  expect(await job.waitUntilFinished(events)).toEqual({ data: { a: 1, seen: true }, state: 'active', copied: false });
  const after = await kept(job);
  expect([after.progress, after.data]).toEqual([{ half: true }, { a: 1, seen: true }]);
  expect((await queue.getJobLogs(String(job.id))).logs).toEqual(['first line']);
  await waitFor(() => runner.process.output().includes('printed'), {
    what: 'what the processor prints in the log of its runner',
  });
});

test('attempts, backoffs of BullMQ and of the worker itself, and UnrecoverableError mean what they meant', async () => {
  expect(await run('fail', { until: 3 }, { attempts: 3, backoff: { type: 'fixed', delay: 10 } })).toBe(2);
  const own = await add('fail', { until: 2 }, { attempts: 2, backoff: { type: 'own' } });
  expect(await own.waitUntilFinished(events)).toBe(1);
  const once = await add('fail', { until: 9 }, { attempts: 2, backoff: 1 });
  await expect(once.waitUntilFinished(events)).rejects.toThrow('not yet: 1');
  const failed = await kept(once);
  expect([failed.attemptsMade, failed.stacktrace?.length]).toEqual([2, 2]);
  // The place in the processor, not one in Flame.
  expect(failed.stacktrace?.[0]).toMatch(/^TypeError: not yet: 0\n.*workers\.mjs/s);
  const none = await add('giveUp', {}, { attempts: 5 });
  await expect(none.waitUntilFinished(events)).rejects.toThrow('no use');
  expect((await kept(none)).attemptsMade).toBe(1);
});

test('a processor delays its own job, waits for children that it adds, and limits the rate of its queue', async () => {
  expect(await run('later')).toBe('done');
  expect(await run('steps')).toEqual(['of a step']);
  expect(await run('limit')).toBe(2);
});

test('a flow runs its children first, and its parent reads their values', async () => {
  const flows = new bullmq5.FlowProducer({ connection: { url: fleet.redis.url } });
  try {
    const { job } = await flows.add({
      name: 'parent',
      queueName: 'mail',
      children: [
        { name: 'echo', queueName: 'mail', data: 'by function' },
        { name: 'by-file', queueName: 'files', data: { number: 21 } },
      ],
    });
    const { children, counts } = (await job.waitUntilFinished(events)) as { children: object; counts: object };
    expect(Object.values(children)).toHaveLength(2);
    expect(Object.values(children)).toEqual(expect.arrayContaining(['by function', { doubled: 42, children: {} }]));
    expect(counts).toMatchObject({ processed: 2, unprocessed: 0 });
  } finally {
    await flows.close();
  }
});

test('a processor in a file runs as in the sandbox of BullMQ', async () => {
  const files = new bullmq5.Queue('files', { connection: { url: fleet.redis.url } });
  const heard = new bullmq5.QueueEvents('files', { connection: { url: fleet.redis.url } });
  try {
    await heard.waitUntilReady();
    const job = await files.add('any', { number: 4 });
    expect(await job.waitUntilFinished(heard)).toEqual({ doubled: 8, children: {} });
    expect((await files.getJob(String(job.id)))?.progress).toBe(50);
    expect((await files.getJobLogs(String(job.id))).logs).toEqual(['by file function']);
  } finally {
    await heard.close();
    await files.close();
  }
});

test('a method of the job that is not there is an error that names it', async () => {
  const job = await add('missing', 'waitUntilFinished');
  await expect(job.waitUntilFinished(events)).rejects.toThrow(
    /job\.waitUntilFinished is not there .* there are updateProgress, log,/,
  );
  expect((await kept(job)).stacktrace?.[0]).toContain('FlameJobMethodError');
  const own = Object.getOwnPropertyNames(bullmq5.Job.prototype);
  // Whatever BullMQ 5 has is either passed on, or refused by its name; never undefined.
  const silent = [];
  for (const method of own.filter((name) => !INTERNAL.has(name))) {
    const tried = await add('missing', method);
    await tried.waitUntilFinished(events).catch(() => undefined);
    if (/is not a function/.test((await kept(tried)).failedReason ?? '')) silent.push(method);
  }
  expect(silent).toEqual([]);
});
/** Not for applications: BullMQ's own use, and what is data here. */
const INTERNAL: ReadonlySet<string> = new Set([
  ...[
    'constructor',
    'createScripts',
    'setScripts',
    'getSpanOperation',
    'recordJobMetrics',
    'updateStacktrace',
    'setSpanJobAttributes',
  ],
  ...[
    'validateOptions',
    'queueName',
    'prefix',
    'queueQualifiedName',
    'createBackend',
    'toFlowEntry',
    'isRepeat',
    'isInZSet',
    'isInList',
  ],
  // They end, delay or hold the job, which then has to be told by an error; tested above.
  ...['moveToDelayed', 'moveToWait', 'moveToWaitingChildren', 'extendLock'],
]);

test('a job that ends its process, or runs longer than the timeout of the pool, fails alone, and nothing of it goes on', async () => {
  const beside = add('work', { ms: 1_000 });
  await expect(run('crash')).rejects.toThrow(/its executor ended with exit code 3/);
  const spinning = await add('spin');
  await expect(spinning.waitUntilFinished(events)).rejects.toThrow(/longer than its timeout of 4000 ms/);
  await expect(run('stop')).rejects.toThrow(/longer than its timeout/);
  expect(await (await beside).waitUntilFinished(events)).toMatchObject({ runnerId: runner.runnerId, attempt: 0 });
  expect(await run('echo', 'after')).toBe('after');
});

test('a processor calls functions of Flame', async () => {
  expect(await run('call', [2, 3])).toBe(5);
});

test('only a pool with passRedis gives its processors the address of Redis', async () => {
  expect(await run('env', 'REDIS_URL')).toBe(fleet.redis.url);
  expect(await run('env', 'FLAME_REDIS_URL')).toBeNull();
});

test('a job whose data is JSON of any kind arrives as it was added', async () => {
  for (const data of [null, 0, '', [], 'text', { __proto__: null, constructor: 1 }])
    expect(await run('echo', data)).toEqual(data);
});

test('the application hears what happens to the jobs, whoever processed them, with the arguments of BullMQ', async () => {
  const worker = fleet.flame.worker('mail', () => undefined);
  const heard: unknown[][] = [];
  worker.on('active', (job, prev) => heard.push(['active', job.name, prev]));
  worker.on('completed', (job, result, prev) => heard.push(['completed', job.name, job.data, result, prev]));
  worker.on('failed', (job, error, prev) => heard.push(['failed', job?.name, error.message, prev]));
  worker.on('progress', (job, progress) => heard.push(['progress', job.name, progress]));
  await worker.waitUntilReady();
  expect([worker.name, worker.pool]).toEqual(['mail', 'post']);
  await run('talk', { a: 2 });
  await run('giveUp').catch(() => undefined);
  await waitFor(() => heard.some(([event]) => event === 'failed'), { what: 'the events', found: () => heard });
  expect(heard).toEqual([
    ['active', 'talk', 'waiting'],
    ['progress', 'talk', { half: true }],
    [
      'completed',
      'talk',
      { a: 2, seen: true },
      { data: { a: 2, seen: true }, state: 'active', copied: false },
      'active',
    ],
    ['active', 'giveUp', 'waiting'],
    ['failed', 'giveUp', 'no use', 'active'],
  ]);
  await worker.close();
});

test('a job that its runner was told to put down goes back to the queue, and runs elsewhere', async () => {
  const other = await fleet.runner('post');
  const jobs = await Promise.all(Array.from({ length: 6 }, () => add('work', { ms: 3_000 })));
  const isBusy = async () => (await queue.getActive()).some(({ processedBy }) => processedBy === other.runnerId);
  await waitFor(isBusy, { what: 'the second runner to have a job' });
  other.process.signal('SIGTERM');
  expect(await other.process.exited).toMatchObject({ code: 0 });
  const ended = (await Promise.all(jobs.map((job) => job.waitUntilFinished(events)))) as readonly Ended[];
  expect(ended.map(({ runnerId }) => runnerId)).toEqual(Array.from({ length: 6 }, () => runner.runnerId));
  // None was a failure of the job, nor a loss.
  expect(ended.map(({ attempt, stalled }) => [attempt, stalled])).toEqual(Array.from({ length: 6 }, () => [0, 0]));
});

interface Ended {
  readonly runnerId: string;
  readonly attempt: number;
  readonly stalled: number;
}
