/** Settings of a running pool, through the JSON API: read, tried, changed. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BoardFixture, startBoard } from './support.ts';

const POOLS = { main: { max: 4, maxConcurrency: 2, idleShutdownAfter: '5s', scaleDownWindow: '5s' }, other: {} };
const SETTINGS = '/api/pools/main/settings';
let board: BoardFixture;
beforeAll(async () => {
  board = await startBoard({ pools: POOLS });
});
afterAll(() => board[Symbol.asyncDispose]());

const stored = () => board.redis.client().hgetall(board.keys('main').settings);

test('P26 settings are shown as configured, as set and as in force; a change says who made it', async () => {
  const before = (await board.ask(SETTINGS)).json;
  expect(before).toMatchObject({ pool: 'main', live: {}, problems: [], by: '', at: 0 });
  expect(before.configured).toMatchObject({ min: 0, max: 4, idleShutdownAfterMs: 5_000, policy: 'queueDepth' });
  expect(before.effective).toEqual(before.configured);

  const policy = { name: 'step', options: [{ calls: 1, runners: 2 }] };
  const { status, json } = await board.change(SETTINGS, { min: 1, max: 9, policy, paused: 'in' });
  expect(status).toBe(200);
  expect(json.live).toEqual({ min: 1, max: 9, policy, paused: 'in' });
  expect(json.effective).toMatchObject({ min: 1, max: 9, policy: 'step', paused: 'in' });
  expect(json.configured).toEqual(before.configured);
  expect(json.by).toBe('dashboard');
  expect(Math.abs(json.at - Date.now())).toBeLessThan(60_000);
  expect(await stored()).toMatchObject({ min: '1', max: '9', policy: JSON.stringify(policy), paused: 'in' });

  const back = await board.change(SETTINGS, { min: null, max: null, policy: null, paused: null });
  expect(back.json.effective).toEqual(before.configured);
  expect(Object.keys(await stored()).sort()).toEqual(['at', 'by']);
});

test('P26 a wrong change is answered with all that is wrong, and changes nothing', async () => {
  await board.change(SETTINGS, { max: 6 });
  const kept = await stored();
  const { status, json } = await board.change(SETTINGS, {
    min: 7,
    buffer: -1,
    policy: { name: 'luck' },
    colour: 'red',
  });
  expect(status).toBe(400);
  for (const part of [
    /colour: unknown setting/,
    /buffer: expected a whole number/,
    /unknown policy "luck"/,
    /min 7 is larger than max 6/,
  ])
    expect(json.error.message).toMatch(part);
  expect(await stored()).toEqual(kept);
  expect((await board.change('/api/pools/none/settings', { max: 1 })).status).toBe(400);
  await board.change(SETTINGS, { max: null });
});

test('settings that somebody wrote past the check are shown with what is wrong', async () => {
  const client = board.redis.client();
  await client.hset(board.keys('main').settings, { min: 'three' });
  const { json } = await board.ask(SETTINGS);
  expect(json.problems).toEqual([expect.stringContaining('min: a whole number')]);
  expect(json.live.min).toBe('three');
  expect(json.effective.min).toBe(0);
  expect((await board.change(SETTINGS, { min: null })).json.problems).toEqual([]);
});

test('an operator’s number of runners is in force until it runs out', async () => {
  const { json } = await board.change(SETTINGS, { override: { desired: 3, forMs: 60_000 } });
  expect(json.effective.override).toEqual({ desired: 3, until: json.at + 60_000 });
  await board.redis.client().hset(board.keys('main').settings, { override: '{"desired":3,"until":1000}' });
  expect((await board.ask(SETTINGS)).json.effective.override).toBeNull();
  await board.change(SETTINGS, { override: null });
});

test('other settings are tried on the recorded past, and nothing is changed by it', async () => {
  const client = board.redis.client();
  const start = Date.now() - 60_000;
  for (let second = 0; second <= 60; second += 1) {
    const busy = second >= 10 && second < 20;
    const sample = {
      at: start + second * 1_000,
      waiting: busy ? 8 : 0,
      active: busy ? 2 : 0,
      paused: 0,
      bootTimeMs: -1,
    };
    const runners = { ready: busy ? 1 : 0, useful: busy ? 1 : 0, serviceTimeMs: -1, dueSoon: 0, oldestWaitMs: 0 };
    await client.xadd(board.keys('main').history, '*', ...Object.entries({ ...sample, ...runners }).flat());
  }
  const kept = await stored();
  const few = (await board.change(`${SETTINGS}/replay`, { max: 2 })).json;
  const many = (await board.change(`${SETTINGS}/replay`, {})).json;
  expect(few.points).toHaveLength(61);
  expect(few.had).toEqual({ runnerMs: 10_000, most: 1, launches: 1, shortMs: 10_000 });
  expect(few.would).toMatchObject({ most: 2, unserved: 0 });
  expect(many.would).toMatchObject({ most: 4, unserved: 0 });
  expect(many.would).toEqual(many.now);
  expect(many.would.waitMs.p95).toBeLessThan(few.would.waitMs.p95);
  expect((await board.change(`${SETTINGS}/replay`, { max: 9 })).json.would.most).toBeGreaterThan(4);
  expect((await board.change(`${SETTINGS}/replay`, { max: -9 })).status).toBe(400);
  expect(await stored()).toEqual(kept);
});

test('a dashboard that was made without what judges settings says what to give it', async () => {
  await using plain = await startBoard({ dashboard: { tuner: undefined } as never });
  const { status, json } = await plain.ask(SETTINGS);
  expect([status, json.error.message]).toEqual([400, expect.stringContaining('flamejs/tuning')]);
  expect((await plain.ask('/api/pools/main')).status).toBe(200);
});
