import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bySize } from '../../../tests/support/tier.ts';
import { type BoardFixture, startBoard } from './support.ts';

const POOLS = 20;
const CALLS = 50;
const BYTES = bySize({ push: 100_000, nightly: 5_000_000 });
/** What makes markup of a text that is pasted into a page. */
const HOSTILE = '<img src=x onerror=alert(1)>"\'`</script><script>alert(2)</script>';

let board: BoardFixture;
beforeAll(async () => {
  board = await startBoard();
});
afterAll(() => board[Symbol.asyncDispose]());

const fn = (name: string, pool = 'main') => board.flame.fn(name, { pool }, (..._args: unknown[]): unknown => undefined);
const job = async (id: string) => (await board.ask(`/queues/api/queues/main/${id}`)).json.job;

test('P16 a retry in Bull Board is a new generation with fresh attempts, and reaches attach(id).result()', async () => {
  const handle = await board.flame.cast(fn('boarded'), 'photo', 7);
  await board.settle({ error: new Error('no disk') });
  expect(await job(handle.id)).toMatchObject({
    name: 'boarded',
    data: ['photo', 7],
    failedReason: 'Error: no disk',
    isFailed: true,
    returnValue: { error: 'Error', message: 'no disk' },
    externalUrl: { displayText: 'Open in Flame', href: `../calls/${handle.id}` },
  });

  const kicked = new Promise<string>((resolve) => {
    const subscriber = board.redis.client();
    subscriber.on('message', (_channel, pool) => resolve(pool));
    void subscriber
      .subscribe('{flame:shop}:kick')
      .then(() => board.change(`/queues/api/queues/main/${handle.id}/retry`, {}, 'PUT'));
  });
  expect(await kicked).toBe('main');
  const result = board.flame.attach(handle.id).result();
  expect(await handle.status()).toMatchObject({ state: 'waiting', generation: 2, attempts: 0 });
  await board.settle({ value: 'done' });
  expect(await result).toBe('done');
  expect((await job(handle.id)).returnValue).toBe('done');
});

test('retry all in Bull Board retries each failed call once, whatever its budgets were', async () => {
  const failing = fn('failing');
  const ids: string[] = [];
  for (let i = 0; i < 12; i += 1) ids.push((await board.flame.cast(failing, i)).id);
  for (const _ of ids) await board.settle({ error: new Error('again') });
  const reply = await board.change('/queues/api/queues/main/retry/failed', {}, 'PUT');
  expect(reply.json).toMatchObject({ retried: 12, skipped: 0 });
  for (const id of ids)
    expect((await board.ask(`/api/calls/${id}`)).json.call).toMatchObject({
      state: 'waiting',
      generation: 2,
      attempts: 0,
    });
  for (const _ of ids) await board.settle({ value: 1 });
});

test('a waiting call that is removed in Bull Board does not leave its caller waiting', async () => {
  const handle = await board.flame.cast(fn('removed'));
  const result = handle.result();
  const seen = expect(result).rejects.toMatchObject({ code: 'FLAME_ERR_REMOVED' });
  expect((await board.change(`/queues/api/queues/main/${handle.id}/clean`, {}, 'PUT')).status).toBe(204);
  await seen;
});

test('pause and resume in Bull Board are those of the pool', async () => {
  await board.change('/queues/api/queues/main/pause', {}, 'PUT');
  expect((await board.ask('/api/pools')).json.pools[0].paused).toBe(true);
  await board.change('/queues/api/queues/main/resume', {}, 'PUT');
  expect((await board.ask('/api/pools')).json.pools[0].paused).toBe(false);
});

test('texts of calls arrive as texts, in Bull Board’s page and in ours', async () => {
  const name = 'xss';
  const { id } = await board.flame.cast(fn(name), HOSTILE);
  await board.settle({ error: Object.assign(new Error(HOSTILE), { name: HOSTILE }) });
  for (const path of ['/pools', '/calls', `/calls/${id}`, '/queues', `/queues/queue/main/${id}`]) {
    const { text, headers } = await board.ask(path);
    expect([path, headers['content-type']?.startsWith('text/html'), text.includes('onerror')]).toEqual([
      path,
      true,
      false,
    ]);
  }
  for (const path of [
    `/api/calls/${id}`,
    `/api/calls/${id}/arguments`,
    `/api/calls/${id}/outcome`,
    `/queues/api/queues/main/${id}`,
  ]) {
    const { text, headers } = await board.ask(path);
    expect([path, headers['content-type']?.startsWith('application/json')]).toEqual([path, true]);
    expect(text).toContain('onerror');
  }
  expect((await board.ask('/calls/%3Cimg%20src=x%20onerror=alert(1)%3E')).text).not.toContain('onerror');
});

describe(`${POOLS} pools with ${CALLS} calls of ${BYTES.toLocaleString('en-US')} bytes each`, () => {
  let full: BoardFixture;
  beforeAll(async () => {
    const names = Array.from({ length: POOLS }, (_, i) => `pool-${i}`);
    full = await startBoard({ pools: Object.fromEntries(names.map((name) => [name, {}])) });
    const [first = ''] = names;
    const large = full.flame.fn('large', { pool: first }, (_: string) => 0);
    // The list reads one pool's jobs; the other pools' arguments would only fill memory, in their nightly size 5 GB of it.
    for (let i = 0; i < CALLS; i += 1) await full.flame.cast(large, 'x'.repeat(BYTES));
    await Promise.all(
      names.slice(1).map(async (pool) => {
        const other = full.flame.fn(`large-${pool}`, { pool }, (_: string) => 0);
        for (let i = 0; i < CALLS; i += 1) await full.flame.cast(other, 'x'.repeat(Math.min(BYTES, 100_000)));
      }),
    );
  });
  afterAll(() => full[Symbol.asyncDispose]());

  test('Bull Board’s list of jobs answers in under 200 KB, and reads none of them', async () => {
    const client = full.redis.client();
    await client.config('RESETSTAT');
    const { status, text, json } = await full.ask(
      '/queues/api/queues?activeQueue=pool-0&status=waiting&page=1&jobsPerPage=50',
    );
    expect(status).toBe(200);
    expect(json.queues.find((q: { name: string }) => q.name === 'pool-0').jobs).toHaveLength(CALLS);
    expect(text.length).toBeLessThan(200_000);
    // Nor has anything large left Redis.
    const sent = /total_net_output_bytes:(\d+)/.exec(await client.info('stats'))?.[1];
    expect(Number(sent)).toBeLessThan(400_000);
  });

  test('our own lists answer in under 200 KB', async () => {
    for (const path of ['/api/pools', '/api/calls?limit=200', '/api/calls?pool=pool-0']) {
      expect([path, (await full.ask(path)).text.length < 200_000]).toEqual([path, true]);
    }
  });

  test('arguments that stand in the job itself are cut in a list', async () => {
    const [name] = ['pool-1'];
    const small = full.flame.fn('small', { pool: 'pool-1' }, (_: string) => 0);
    for (let i = 0; i < 50; i += 1) await full.flame.cast(small, 'y'.repeat(15_000));
    const { text } = await full.ask(`/queues/api/queues?activeQueue=${name}&status=waiting&page=1&jobsPerPage=100`);
    expect(text.length).toBeLessThan(200_000);
  });
});

describe('below a path of a proxy', () => {
  let below: BoardFixture;
  beforeAll(async () => {
    below = await startBoard({ dashboard: { basePath: '/tools/flame/' } });
  });
  afterAll(() => below[Symbol.asyncDispose]());

  test('everything stands below it, and nothing beside it', async () => {
    expect(below.dashboard.url).toMatch(/\/tools\/flame\/pools$/);
    for (const path of [
      '/pools',
      '/assets/app.js',
      '/api/pools',
      '/queues',
      '/queues/queue/main',
      '/queues/api/queues',
      '/metrics',
      '/healthz',
    ]) {
      expect([path, (await below.ask(`/tools/flame${path}`)).status]).toEqual([path, 200]);
      expect([path, (await below.ask(path)).status]).toEqual([path, 404]);
    }
    for (const path of ['/tools/flame', '/tools/flame/']) {
      const { status, headers } = await below.ask(path);
      const to = new URL(headers.location ?? '', `http://x${path}`).pathname;
      expect([status, to]).toEqual([302, '/tools/flame/pools']);
    }
    expect((await below.ask('/tools/flame/queues/')).headers.location).toBe('../queues');
    expect((await below.ask('/tools/flame/queues')).text).toContain('<base href="./queues/"');
    expect((await below.ask('/tools/flame/pools')).text).toContain('src="./assets/app.js"');
  });

  test('changes in Bull Board are still only those that the protocol knows', async () => {
    expect((await below.change('/tools/flame/queues/api/queues/main/obliterate', {}, 'PUT')).status).toBe(403);
    expect((await below.change('/tools/flame/queues/api/queues/main/pause', {}, 'PUT')).status).toBe(200);
  });
});
