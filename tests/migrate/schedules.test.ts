/** Repeatable jobs of before job schedulers: found by name, refused at start, and moved by one command. */
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { flame } from '../cli/flame.ts';
import { APP_FOLDER, type Fleet, startFleet } from '../support/fleet.ts';
import { startNode } from '../support/processes.ts';
import { bullmq5, type Queue5 } from './bullmq5.ts';

let fleet: Fleet;
let queue: Queue5;
afterEach(async () => {
  await queue?.close();
  await fleet?.stop();
});

interface Legacy {
  add(name: string, data: object, options: object): Promise<unknown>;
  getRepeatableJobs(): Promise<readonly { readonly name: string; readonly next: number }[]>;
}

test('a queue with repeatable jobs of the old kind is refused by name, found by doctor, and served once they are moved', {
  timeout: 120_000,
}, async () => {
  fleet = await startFleet({
    pools: { post: { bullmq: { queue: 'mail' }, max: 1, functions: ['./workers.mjs'] } },
  });
  queue = new bullmq5.Queue('mail', { connection: { url: fleet.redis.url } });
  // What BullMQ 6, whose types these are, has no more.
  const legacy = queue as unknown as Legacy;
  await legacy.add(
    'report',
    { to: 'ann' },
    { repeat: { pattern: '0 3 * * *', tz: 'Europe/Berlin' }, attempts: 3, priority: 2 },
  );
  await legacy.add('tick', { n: 1 }, { repeat: { every: 3_600_000, limit: 5 } });
  // One of the new kind is nobody's business.
  await queue.upsertJobScheduler(
    'new',
    { every: 3_600_000, startDate: Date.now() + 3_600_000 },
    { name: 'echo', data: 'new' },
  );
  const before = await legacy.getRepeatableJobs();
  const momentOf = (name: string): number => before.find((job) => job.name === name)?.next ?? 0;

  const refused = await startNode(fileURLToPath(import.meta.resolve('@flamejs/runner/main')), {
    cwd: APP_FOLDER,
    env: { ...fleet.env, FLAME_POOL: 'post', FLAME_RELEASE: 'test' },
  });
  expect(await refused.exited).toMatchObject({ code: 1 });
  expect(refused.output()).toMatch(
    /queue \\"mail\\" has 2 repeatable jobs of the old kind.*\\"report\\" \(0 3 \* \* \* in Europe\/Berlin\).*npx flamejs migrate --schedules/,
  );
  const doctor = await flame(['doctor'], { env: fleet.env });
  expect(doctor.output).toMatch(/FAIL {2}queue of post: "mail" has repeatable jobs of the old kind/);

  const moved = await flame(['migrate', '--schedules'], { env: fleet.env });
  expect([moved.code, moved.output.split('\n').sort()]).toEqual([
    0,
    [
      '',
      'queue mail: "report" (0 3 * * * in Europe/Berlin) is the job scheduler "report" now',
      'queue mail: "tick" (every 3600000 ms) is the job scheduler "tick" now',
    ],
  ]);
  const schedulers = await queue.getJobSchedulers();
  expect(schedulers.map(({ key }) => key).sort()).toEqual(['new', 'report', 'tick']);
  const of = (key: string) => schedulers.find((scheduler) => scheduler.key === key);
  expect(of('report')).toMatchObject({
    pattern: '0 3 * * *',
    tz: 'Europe/Berlin',
    next: momentOf('report'),
    template: { data: { to: 'ann' }, opts: { attempts: 3, priority: 2 } },
  });
  expect(of('tick')).toMatchObject({ next: momentOf('tick'), limit: 5 });
  // One job waits for each of them: the old ones are gone.
  expect((await queue.getDelayed()).map(({ name, repeatJobKey }) => [name, repeatJobKey]).sort()).toEqual([
    ['echo', 'new'],
    ['report', 'report'],
    ['tick', 'tick'],
  ]);
  const again = await flame(['migrate', '--schedules'], { env: fleet.env });
  expect(again.output).toBe('no pool serves a queue that has repeatable jobs of the old kind\n');
  expect((await flame(['doctor'], { env: fleet.env })).output).toContain('queue of post: "mail" can be served');
  await fleet.runner('post');
});

test('flame migrate tells by file and line what of an application changes, and the pools that it needs', async () => {
  const cwd = new URL('../../examples/from-bullmq/', import.meta.url).pathname;
  const told = await flame(['migrate', 'before'], { env: {}, cwd });
  expect(told.output).toMatch(
    /^before\/workers\.ts:17 {2}new Worker\('mail', …\)\n {4}flame\.worker\('mail', …\), without connection, concurrency$/m,
  );
  expect(told.output).toMatch(/^before\/workers\.ts:22 {2}new Worker\('images', …\)/m);
  expect(told.output).toContain('"mail": { bullmq: { queue: "mail" }, maxConcurrency: 2 },');
  expect(told.output).toContain('"orders": { bullmq: { queue: "orders" } },');
  expect((await flame(['migrate', 'src'], { env: {}, cwd })).output).toBe(
    'no worker of BullMQ was found: there is nothing to change\n',
  );
  const missing = await flame(['migrate', 'nowhere'], { env: {}, cwd });
  expect([missing.code, missing.output]).toEqual([1, expect.stringContaining('there is no file or folder')]);
});
